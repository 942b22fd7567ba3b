# sim/base: objects in reading order.
BASE_SRC = sim/base/base.c sim/base/pool.c sim/base/time.c sim/base/err.c sim/base/whole.c sim/base/val.c sim/base/units.c \
           sim/base/param.c sim/base/kind.c sim/base/rope.c sim/base/leaf.c sim/base/buffer.c sim/base/match.c sim/base/pattern.c sim/base/siphash.c sim/base/aal5.c sim/base/pcap.c
