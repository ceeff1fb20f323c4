"""Sizes and offsets on LP64 machines (x86-64 and arm64 Linux), computed here and asserted by a C compiler in a test."""

SIZES = {"char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4,
          "int64_t": 8, "uint64_t": 8, "size_t": 8, "float": 4, "double": 8}


def _size_and_align(type_text, model):
    """None for a type that has no place in a struct."""
    if type_text.endswith("*") or type_text in model["callbacks"]:
        return 8, 8
    type_text = type_text.removeprefix("const ").removeprefix("struct ")
    if type_text in model["scalars"]:
        return _size_and_align(model["scalars"][type_text]["type"], model)
    if type_text in SIZES:
        return SIZES[type_text], SIZES[type_text]
    struct = model["structs"].get(type_text)
    return (struct["size"], struct["align"]) if struct and "size" in struct else None


def place_fields(name, struct, model, problems):
    offset, align = 0, 1
    for field in struct["fields"]:
        found = _size_and_align(field["type"], model)
        if found is None:
            problems.append(f"{field['where']}: {name}.{field['name']} has type {field['type']}; not in the C dialect")
            found = (8, 8)
        size, field_align = found
        padding = -offset % field_align
        if padding:  # its bytes are nobody's: the initialisers could not agree on them
            problems.append(f"{field['where']}: {padding} bytes of padding before {name}.{field['name']}; reorder, or "
                            "name them `reserved`")
        offset += padding
        field["offset"], field["size"] = offset, size
        offset += size
        align = max(align, field_align)
    struct["size"], struct["align"] = offset + -offset % align, align
