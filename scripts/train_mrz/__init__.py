"""How `reader/optical/zone/weights.npz` is made: pictures drawn, two networks taught, weights stored in 8 bits.

Not part of the product and not needed to run or test it. Needs torch in a virtual environment of its own beside numpy,
OpenCV and Pillow, Debian's fonts-ocr-b, fonts-dejavu and fonts-noto-core, and an hour or two of one core:

    python -m scripts.train_mrz render FOLDER --parts 25      # 500 photographs each, some 1.5 GB in all
    python -m scripts.train_mrz teach places FOLDER --minutes 30
    python -m scripts.train_mrz teach letters FOLDER --minutes 25
    python -m scripts.train_mrz store FOLDER

What the networks see in training is drawn with none of the code that draws the tests' and the benchmarks' cards.
"""
