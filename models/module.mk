# models: objects in reading order.
MODELS_SRC = models/price.c
