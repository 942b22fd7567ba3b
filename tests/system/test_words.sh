# What a configuration asks for by param(path, word) refuses a word that it does not know by name.
. tests/system/lib.sh

# Words that are no choice of the configuration's own: a time or "none".
exempt="vesta_deaths.back"

wrong=0
count=0
for file in configs/*.lua; do
  name=$(basename "$file" .lua)
  while read -r path; do
    [[ " $exempt " == *" $name.$path "* ]] && continue
    count=$((count + 1))
    status=0
    said=$("$PSIM" check "$name" -p "$path=zzz" 2>&1) || status=$?
    if [ $status -ne 2 ] || [[ $said != *zzz* ]]; then
      echo "$name -p $path=zzz: exit $status: ${said:0:200}"
      wrong=$((wrong + 1))
    fi
  done < <(grep -oE 'param\("[a-z_.]+", *"[A-Za-z_ ]+"' "$file" |
    sed -E 's/param\("([a-z_.]+)".*/\1/' | sort -u)
done
[ $count -gt 100 ] || fail "only $count words were looked at"
[ $wrong -eq 0 ] || fail "$wrong words are taken, or refused without being named"
