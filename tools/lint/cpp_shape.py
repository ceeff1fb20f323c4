"""Finds the functions of a C++ file by braces alone; good enough to count their lines.

Comments, strings and preprocessor lines are blanked out first. Then, at namespace or class scope, a brace whose
head holds a parameter list opens a function; braces of member initialisers belong to the head.
"""

import re

_BLANKED = re.compile(
    r'(?P<raw>R"(?P<tag>[^ ()\\\t\n]{0,16})\(.*?\)(?P=tag)")'
    r'|(?P<text>"(?:\\.|[^"\\\n])*")'
    r"|(?P<char>(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+')"
    r"|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)"
    r"|(?P<macro>^[ \t]*\#(?:\\\n|[^\n])*)",
    re.DOTALL | re.MULTILINE)
_SCOPE = re.compile(r'^\s*(?:template\s*<.*>\s*)?(?:(?:inline\s+)?namespace\b|extern\s*$|(?:class|struct|union)\b[^()]*$'
                    r'|(?:class|struct|union)\s+(?:\w+\([^)]*\)\s*)?[\w:<>, ]+(?:\s+final)?\s*(?::[^:].*)?$)', re.DOTALL)
_LEAD = re.compile(r"(?:\s*(?:public|private|protected)\s*:)*\s*")
_NAME = re.compile(r"([~\w:]+|operator[^\s(]*)\s*\(")


def blank(text):
    """The text with comments, literals and directives turned into spaces; line breaks stay."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return _BLANKED.sub(spaces, text)


def _matching(text):
    """Position of each opening brace -> position of its closing brace."""
    pairs, stack = {}, []
    for found in re.finditer(r"[{}]", text):
        if found.group() == "{":
            stack.append(found.start())
        elif stack:
            pairs[stack.pop()] = found.start()
    return pairs


def functions(text):
    """(name, first line, number of lines) of every function definition, lambdas and nested bodies included in it."""
    code = blank(text)
    pairs = _matching(code)
    found, head_start, position = [], 0, 0
    while position < len(code):
        character = code[position]
        if character == ";" or character == "}":
            head_start = position + 1
        elif character == "{" and position in pairs:
            head, end = code[head_start:position], pairs[position]
            if _SCOPE.match(head):
                head_start = position + 1
            elif "(" in head and not re.match(r"\s*[,{]", code[end + 1:end + 40]):
                first = head_start + _LEAD.match(head).end()
                line = code.count("\n", 0, first) + 1
                name = _NAME.search(head)
                found.append((name.group(1) if name else "lambda", line, code.count("\n", first, end) + 1))
                position, head_start = end, end + 1
            else:  # an initialiser or an enum: part of the head, nothing to look into
                position = end
        position += 1
    return found
