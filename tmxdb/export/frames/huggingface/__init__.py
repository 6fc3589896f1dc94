"""Data sets for the Hugging Face Hub: `rows.py` writes pictures into Parquet, `image_folder.py` files of pictures."""
