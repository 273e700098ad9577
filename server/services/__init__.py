"""What the application does, without HTTP: the routes call one service each."""
