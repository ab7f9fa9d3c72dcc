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
        print head line
        next
    }
    end = index(line, "*/")
    inside = end == 0
    tail = end ? substr(line, end) : ""
    line = end ? substr(line, 1, end - 1) : line
    line = head comment(line) tail
    if (line ~ /^ \* [a-z_]+\.h - /)
        sub(/[a-z_]+\.h - /, "\\brief ", line)
    print line
    if (line ~ /^\/\*\*/)
        last = ""
    last = last line "\n"
}
