"""Where models come from besides the shipped ones: a user's module, timm, torchvision."""
