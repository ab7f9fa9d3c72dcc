# SPDX-License-Identifier: MIT
# Doxygen's input filter: turns a header as we write it into one as doxygen
# reads it. Code is left alone.
#
#     /**                        /** \file
#      * event.h - the order  ->  * \brief the order
#      * Units    ticks       ->  * @lead{Units} ticks     (see docs/Doxyfile)
#      * Frees @queue.        ->  * Frees \p queue.
#
# What doxygen would take for a tag, a link or a command is quoted. Functions
# that share a comment, one right below the other, share it there too.

function comment(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/</, "\\<", text)
    gsub(/>/, "\\>", text)
    gsub(/#/, "\\#", text)
    gsub(/@[a-z_]+/, "\\p &", text)
    gsub(/\\p @/, "\\p ", text)
    if (match(text, /^ \* (Units|Owner|Returns|Fails|Asserts|Order|Cost|Threads|Errors)  +/))
        text = " * @lead{" substr(text, 4, index(substr(text, 4), " ") - 1) \
            "} " substr(text, RLENGTH + 1)
    return text
}

# "TYPE a, b;" as "TYPE a; TYPE b;", each with the comment behind it, or with the
# one in front of it.
function fields(code, behind, before,    comma, type, list, count, i, out) {
    comma = index(code, ",")
    type = substr(code, 1, comma - 1)
    if (!match(type, / \**[a-z_0-9]+(\[[^]]*\])?$/))
        return code behind
    list = substr(code, RSTART + 1)
    type = substr(code, 1, RSTART)
    sub(/; *$/, "", list)
    count = split(list, names, /, /)
    for (i = 1; i <= count; i++)
        out = out (i > 1 ? before : "") type names[i] "; " behind
    return out
}

BEGIN {
    FIELDS = "^ +[a-z][a-z_0-9 ]*[ *][a-z_0-9]+(\\[[^]]*\\])?, [^()]*;$"
}

# ---- Outside of comments ----

# A declaration begins. One right below another, without a comment of its own,
# gets what was told of that one.
!inside && /^[a-z].*[^;{]$|^[a-z].*;$/ && !is_open {
    if (follows && told != "" && $0 !~ /^(struct|enum) [a-z_0-9]+;$/)
        printf "%s", told
    is_open = 1
}
# It ends.
!inside && is_open {
    follows = 0
    if (/;$/) {
        is_open = 0
        follows = /\);$/
    }
    if (/\{$/)
        is_open = 0
}
/^$|^#|^}/ { follows = 0 }
/^}/ { told = "" }

!inside && !/\/\*\*/ {
    print $0 ~ FIELDS ? fields($0, "", told_field) : $0
    told_field = ""
    next
}

# ---- In comments ----

!inside && /\/\*\*$/ && !has_head {
    print "/** \\file"
    has_head = inside = 1
    next
}
{
    # The line is CODE, OPENING, what it says, CLOSING; any may be empty.
    line = $0
    code = opening = closing = ""
    if (!inside) {
        match(line, /\/\*\*<? ?/)
        code = substr(line, 1, RSTART - 1)
        opening = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        is_in_front = code ~ /^ +$/ && opening !~ /</
        told_field = ""
        if (code == "")
            told = ""
    }
    inside = (end = index(line, "*/")) == 0
    if (end) {
        closing = substr(line, end)
        line = substr(line, 1, end - 1)
    }
    line = comment(line)
    if (line ~ /^ \* [a-z_]+\.h - /)
        sub(/[a-z_]+\.h - /, "\\brief ", line)
    line = opening line closing

    bare = code
    sub(/ +$/, "", bare)
    if (closing != "" && bare ~ FIELDS) {
        print fields(bare, line, "")
        next
    }
    print code line
    told = told code line "\n"
    if (is_in_front)
        told_field = told_field code line "\n"
}
