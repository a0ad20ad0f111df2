"""Photographs of synthetic cards and telephone screens, made from a seed, to judge what reads them.

A pinhole camera looks at a card or a screen (sandbox/paper) before a cluttered backdrop; lens, light, sensor and
encoder do to it what they do. Another seed makes another corpus; the same seed the same one on the same machine.
Nothing here may import a reader of codes or lines: the corpus judges them and must not know them.
"""

from benchmarks.corpus.corpus import SEQUENCE, STILLS, Corpus, Item
from benchmarks.corpus.tiers import Tier

__all__ = ["SEQUENCE", "STILLS", "Corpus", "Item", "Tier"]
