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

BEGIN { FIELDS = "^ +[a-z][a-z_0-9 ]*[ *][a-z_0-9]+(\\[[^]]*\\])?, [^()]*;$" }

# Remembers what was told of the declaration that ended in the line before, and
# tells it again when the next one has no comment of its own.
!inside && /^[a-z].*[^;{]$|^[a-z].*;$/ && !is_open {
    if (was_end && last != "" && $0 !~ /^(struct|enum) [a-z_0-9]+;$/)
        printf "%s", last
    is_open = 1
}
!inside && is_open {
    was_end = 0
    if (/;$/) {
        is_open = 0
        was_end = /\);$/
    }
    if (/\{$/)
        is_open = 0
}
/^$|^#|^}/ { was_end = 0 }
/^}/ { last = "" }

{
    line = $0
    if (!inside && match(line, /\/\*\*<? ?/)) {
        head = substr(line, 1, RSTART + RLENGTH - 1)
        line = substr(line, RSTART + RLENGTH)
        inside = 1
        if (line == "" && !has_head) {
            print "/** \\file"
            has_head = 1
            next
        }
    } else
        head = ""
    if (!inside) {
        print line ~ FIELDS ? fields(line, "", of_field) : line
        of_field = ""
        next
    }
    end = index(line, "*/")
    inside = end == 0
    tail = end ? substr(line, end) : ""
    line = end ? substr(line, 1, end - 1) : line
    line = comment(line) tail
    if (line ~ /^ \* [a-z_]+\.h - /)
        sub(/[a-z_]+\.h - /, "\\brief ", line)
    at = index(head, "/**<")
    code = substr(head, 1, at - 1)
    sub(/ +$/, "", code)
    if (at && tail != "" && code ~ FIELDS) {
        print fields(code, substr(head, at) line, "")
        next
    }
    line = head line
    print line
    if (head != "") {
        of_field = ""
        is_in_front = head ~ /^ +\/\*\* ?$/
    }
    if (is_in_front)
        of_field = of_field line "\n"
    if (line ~ /^\/\*\*/)
        last = ""
    last = last line "\n"
}
