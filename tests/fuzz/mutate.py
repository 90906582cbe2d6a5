"""Changes to a YAML text, drawn from a random.Random."""

JUNK = ["", "-1", "0", "1e400", "nan", ".inf", "true", "[]", "{}", "~", "'", '"', "{", "]", "*a", "&a", "!!binary x", "|", "\t", "%", "---",
        "999999999999999999999", "1 GHz", "16 MiB", "0.5 B", "x" * 3000, "é", "../../etc", "file.yaml", "[1, [2, [3]]]", "{a: {b: c}}"]


def change_byte(random, text):
    data = bytearray(text)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data))
        choice = random.randrange(3)
        if choice == 0:
            data[at] = random.randrange(256)
        elif choice == 1:
            del data[at]
        else:
            data.insert(at, random.choice(b" :{}[],-\n'\"#&*!|>%@`\t0\x00\xff"))
        if not data:
            data = bytearray(b" ")
    return bytes(data)


def change_line(random, text):
    lines = text.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    choice = random.randrange(4)
    if choice == 0:
        del lines[at]
    elif choice == 1:
        lines.insert(other, lines[at])
    elif choice == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] = b"  " + lines[at]
    return b"\n".join(lines)


def change_value(random, text):
    lines = text.split(b"\n")
    at = random.randrange(len(lines))
    key, colon, _ = lines[at].partition(b":")
    lines[at] = key + (colon or b":") + b" " + random.choice(JUNK).encode()
    return b"\n".join(lines)


def change_key(random, text):
    lines = text.split(b"\n")
    at = random.randrange(len(lines))
    key, colon, value = lines[at].partition(b":")
    word = key.strip()
    if word:
        position = random.randrange(len(word))
        key = key.replace(word, word[:position] + random.choice([b"", b"z", word[position:position + 1] * 2]) + word[position + 1:])
    lines[at] = key + colon + value
    return b"\n".join(lines)


def cut(random, text):
    return text[: random.randrange(len(text))]


def damage(random, data):
    """A file that is no text: changed bytes, or its end is missing."""
    return cut(random, data) if random.randrange(4) == 0 else change_byte(random, data)


MUTATIONS = (change_byte, change_line, change_value, change_key, cut)


def mutate(random, text):
    """One to three changes, one after the other."""
    for _ in range(random.randint(1, 3)):
        if text:
            text = random.choice(MUTATIONS)(random, text)
    return text
