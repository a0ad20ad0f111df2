"""The upper halves of the Vietnamese code pages of before Unicode, which Python has no codecs for.

UTF-8 read in one of them is made of Vietnamese letters alone, so only the tables tell what it was. Pure data.
"""

# RFC 1456, 0x80 to 0xFF. Six capitals more stand among the controls, where no card's UTF-8 has a byte.
VISCII = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲ"
    "ÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡư"
    "àáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
# TCVN 5712:1993, VN1, 0x80 to 0xFF; the five tones of 0xB0 on are marks for the letter before.
TCVN = (
    "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ"
    "\u00a0ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ"
    "ẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịò"
    "ỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"
)


def abc() -> str:
    """TCVN3, of the fonts .VnTime (ABC): in place of VN1's capitals it has what the Western page has there."""
    kept = "ĂÂÊÔƠƯĐ"
    return "".join(
        chr(at) if at < 0xA0 or (letter.isupper() and letter not in kept) else letter
        for at, letter in enumerate(TCVN, 0x80)
    )
