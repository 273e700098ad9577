"""The models' fastest exact forms: prepared beside the server's work, kept between two starts."""
