-- HP 97560: 1.37 GB, 4,002 rpm, SCSI-2; the drive of the parallel I/O studies of the time.
-- All numbers are the defaults of disks/disk_params.c [Ruemmler & Wilkes, IEEE Computer 27(3),
-- 1994].
return { kind = "disk", model = "HP 97560" }
