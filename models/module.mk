# models: objects in reading order.
MODELS_SRC =
