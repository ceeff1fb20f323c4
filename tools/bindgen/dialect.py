"""The C dialect of the public headers: only shapes that every language can bind, and comments with all their parts."""

import re

import threads
from layout import SIZES

_FIXED = set(SIZES) - {"char"}
_NAME = re.compile(r"^tau_[a-z0-9]+(?:_[a-z0-9]+)*$")
_SINCE = re.compile(r"^\d+\.\d+$")


def check(model):
    """Every breach as "file:line: what is wrong"."""
    problems = []
    for name, scalar in model["scalars"].items():
        if scalar["type"] not in _FIXED:
            problems.append(f"{scalar['where']}: {name} is {scalar['type']}; use a fixed-width type")
    for name, callback in model["callbacks"].items():
        problems += _check_callback(name, callback, model)
    for name, struct in model["structs"].items():
        problems += _check_struct(name, struct, model)
    for name, handle in model["handles"].items():
        problems += _check_handle(name, handle, model)
    for name, function in model["functions"].items():
        problems += [f"{function['where']}: {name}: {fault}"
                     for fault in [*_signature(name, function, model), *_comment(name, function)]]
    return problems


def _value_type(text, model):
    return text in _FIXED or text in model["scalars"] or text in model["callbacks"]


def _pointer_type(text, model):
    match = re.fullmatch(r"(const )?(?:struct )?(\w+) (\*{1,2})", text)
    if not match:
        return False
    base, stars = match.group(2), len(match.group(3))
    if base in model["handles"]:
        return True
    if stars != 1:
        return False
    return base in ("void", "char") or base in _FIXED or base in model["scalars"] or base in model["structs"]


def _bindable(text, model):
    return _value_type(text, model) or _pointer_type(text, model)


def _check_callback(name, callback, model):
    where = callback["where"]
    if callback["returns"] != "void":
        yield f"{where}: {name} returns {callback['returns']}; callbacks return nothing"
    if not callback["params"] or callback["params"][0] != {"name": "userdata", "type": "void *"}:
        yield f"{where}: {name} must take `void *userdata` first"
    for param in callback["params"]:
        if not _bindable(param["type"], model):
            yield f"{where}: {name}: parameter {param['name']} has type {param['type']}; not in the C dialect"


def _check_struct(name, struct, model):
    for field in struct["fields"]:
        type_text = field["type"]
        if not (_bindable(type_text, model) or type_text.removeprefix("struct ") in model["structs"]):
            yield f"{field['where']}: {name}.{field['name']} has type {type_text}; not in the C dialect"
    sized = struct["fields"][0] if struct["fields"] else {}
    if sized.get("name") == "struct_size" and sized["type"] != "uint32_t":
        yield f"{sized['where']}: {name}.struct_size must be uint32_t"
    if bool(struct["init_macro"]) != bool(struct["init_function"]):
        yield f"{struct['where']}: {name} needs both {name.upper()}_INIT and {name}_init, or neither"
    if struct["init_macro"] and sized.get("name") != "struct_size":
        yield f"{struct['where']}: {name} has an initialiser but no struct_size first"


def _check_handle(name, handle, model):
    functions = model["functions"]
    if not any(f"{name}_{end}" in functions for end in ("unref", "free", "drop")):
        yield f"{handle['where']}: nothing gives a {name} back: no {name}_unref, _free or _drop"


def _signature(name, function, model):
    params = function["params"]
    if not _NAME.match(name):
        yield "the name is not tau_<noun>_<verb>"
    if function["variadic"]:
        yield "variable arguments cannot be bound"
    if not function["exported"]:
        yield "TAU_API is missing"
    returns = function["returns"]
    if returns not in ("void", "const char *", "tau_str") and not _bindable(returns, model):
        yield f"returns {returns}; not in the C dialect"
    for param in params:
        if not param["name"]:
            yield "a parameter has no name"
        if "[" in param["text"]:
            yield f"parameter {param['name']} is an array; use a pointer and a count"
        elif param["type"] != "tau_str" and not _bindable(param["type"], model):
            yield f"parameter {param['name']} has type {param['type']}; not in the C dialect"
    types = [param["type"] for param in params]
    if "tau_error **" in types:
        if types.index("tau_error **") != len(types) - 1 or params[-1]["name"] != "err":
            yield "`tau_error **err` must be last"
        if returns != "tau_status":
            yield "takes an error but does not return tau_status"
    elif returns == "tau_status" and not name.startswith("tau_error_"):
        yield "returns tau_status without `tau_error **err`"
    outs = [i for i, param in enumerate(params) if is_out(param)]
    if outs and outs[-1] != len(params) - 1 - ("tau_error **" in types):
        yield "out parameters come after inputs, right before err"


def is_out(param):
    return param["name"] == "out"


def owns_out(function):
    """Whether the caller gets something to release."""
    return any(is_out(p) and (p["type"].endswith("**") or p["type"] == "tau_buf *") for p in function["params"])


def _comment(name, function):
    doc = function["doc"]
    if not doc["summary"]:
        yield "the comment has no summary"
    elif not doc["summary"].endswith("."):
        yield "the summary is not a sentence"
    if (function["returns"] != "void") != bool(doc["returns"]):
        yield "`Returns:` belongs to functions that return something, and to all of them"
    if threads.contract(name, function) is None:
        yield f"`Thread:` must be {threads.GRAMMAR}, not {doc['thread']!r}"
    if owns_out(function) and not doc["ownership"]:
        yield "`Ownership:` is missing: the caller gets something to release"
    if not _SINCE.match(doc["since"]):
        yield f"`Since:` must be a version such as 0.1, not {doc['since']!r}"
