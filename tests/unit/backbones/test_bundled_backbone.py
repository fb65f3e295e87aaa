"""The bundled backbone: scripts it reads, and names it finds."""

from __future__ import annotations

import numpy as np

from mmfeat.backbones.registry import load_backbone


# -- the bundled backbone
def test_the_bundled_backbone_knows_every_script() -> None:
    bundled = load_backbone("openmoji-clip", "cpu")
    texts = ["사과", "تفاحة", "りんご", "苹果", "яблоко", "𐍈 \u200b☃"]
    rows = bundled.run(bundled.prepare_texts(texts), {"joint": ["text.pooled", "text.token"]})
    joint = rows["joint"]
    assert joint["text.pooled"].x.shape == (6, bundled.point("joint").d)
    assert np.isfinite(joint["text.pooled"].x).all()
    covered: dict[int, set[int]] = {source: set() for source in range(6)}
    tokens = joint["text.token"]
    assert tokens.start is not None and tokens.end is not None
    for source, start, end in zip(tokens.source, tokens.start, tokens.end, strict=True):
        assert 0 <= start <= end <= len(texts[source])
        covered[int(source)].update(range(start, end))
    for source, text in enumerate(texts[:5]):
        assert covered[source] == set(range(len(text)))


def test_the_bundled_backbone_finds_the_name_of_a_picture() -> None:
    from mmfeat.corpus.openmoji import load_emoji, render

    by_id = {entry.item_id: entry for entry in load_emoji()}
    chosen = [by_id[code] for code in ("1F34E", "1F415", "1F697", "2764-FE0F", "1F3E0", "1F319")]
    bundled = load_backbone("openmoji-clip", "cpu")
    inputs = bundled.prepare_images([render(entry.picture, 96) for entry in chosen])
    image_x = bundled.run(inputs, {"joint": ["image.pooled"]})["joint"]["image.pooled"].x
    image_x /= np.linalg.norm(image_x, axis=1, keepdims=True)
    for language in ("en", "ko", "ar", "zh"):
        texts = bundled.prepare_texts([entry.names[language] for entry in chosen])
        text = bundled.run(texts, {"joint": ["text.pooled"]})["joint"]["text.pooled"].x
        text /= np.linalg.norm(text, axis=1, keepdims=True)
        assert (image_x @ text.T).argmax(1).tolist() == list(range(6)), language
