"""What the cascade of `decode.py` is made of: the decoders' doors, and our own reading of codes they do not find."""
