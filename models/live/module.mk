# models/live: objects in reading order.
LIVE_SRC = models/live/own.c models/live/live_due.c models/live/live_measure.c models/live/live_thread.c models/live/live_net.c models/live/live.c
