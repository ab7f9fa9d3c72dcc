# SPDX-License-Identifier: MIT
# Completes the manual pages from where each thing is told of already.
#
#     awk -v program=build/release/vmcycle -f docs/manual.awk docs/vmcycle.1
#
# The line of a page on the left gives way to what stands on the right:
#
#     .\" OPTIONS COMMAND    the options in --help of that command
#     .\" HEADERS FOLDER     the public headers of lib/FOLDER, each with the
#                            first sentence of its head
#     .\" FILE PATH          the file, as it is
#
# In --help the text of an option begins in column 30, or three blanks after an
# option that is longer.

function quoted(text) {
    gsub(/\\/, "\\e", text)
    gsub(/"/, "\\(dq", text)
    return "\"\\&" text "\""
}

# The part before the text: "-j, --json=FILE", "--destroy[=LIST]", "--check".
function item(option,    short, at, argument, is_optional) {
    short = ""
    if (option ~ /^-[^-], /) {
        short = "Fl " substr(option, 2, 1) " , "
        option = substr(option, 5)
    }
    sub(/^--/, "", option)
    at = index(option, "=")
    if (at == 0)
        return ".It " short "Fl -" option
    argument = substr(option, at + 1)
    option = substr(option, 1, at - 1)
    is_optional = sub(/\[$/, "", option)
    if (is_optional)
        sub(/\]$/, "", argument)
    return ".It " short "Fl -" option " Ns " (is_optional ? "Op = Ns " : \
        "= Ns ") "Ar " quoted(argument)
}

# A line of text that no macro can be made of.
function text(line) {
    gsub(/\\/, "\\e", line)
    sub(/ +$/, "", line)
    return line ~ /^['.]/ ? "\\&" line : line
}

function close_list() {
    if (is_open)
        print ".El"
    is_open = 0
}

function print_options(command,    help, line, option, words, is_ours) {
    help = "env -u ARGP_HELP_FMT LC_ALL=C " program " " command " --help"
    is_open = is_ours = 0
    while ((help | getline line) > 0) {
        if (line ~ /^(  |      )-/) {
            option = substr(line, 1, 29)
            words = substr(line, 30)
            if (option !~ / $/ || words ~ /^ /) {
                option = line
                words = ""
                if (match(line, /[^ ]   ./)) {
                    option = substr(line, 1, RSTART)
                    words = substr(line, RSTART + 4)
                }
            }
            gsub(/^ +| +$/, "", option)
            # The two that every command has are told of once, elsewhere.
            is_ours = option !~ /--(help|usage)$/
            if (!is_ours)
                continue
            if (!is_open)
                print ".Bl -tag -width Ds"
            is_open = 1
            print item(option)
        } else if (line ~ /^ [^ ].*:$/) {
            close_list()
            print ".Pp"
            words = substr(line, 2)
        } else if (line ~ /^ +[^ ]/ && is_ours) {
            words = line
            sub(/^ +/, "", words)
        } else {
            is_ours = is_ours && line ~ /^ *$/
            continue
        }
        if (words !~ /^ *$/)
            print text(words)
    }
    close_list()
    if (close(help) != 0)
        exit_status = 1
}

function print_headers(folder,    list, path, name, line) {
    list = "LC_ALL=C ls lib/" folder "/*.h"
    print ".Bl -tag -width Ds"
    while ((list | getline path) > 0) {
        if (path ~ /_priv\.h$/)
            continue
        name = path
        sub(/^lib\//, "", name)
        print ".It In " name
        while ((getline line < path) > 0 && line !~ /^#|^ \*\/?$/) {
            if (line ~ /^ \* /) {
                line = substr(line, 4)
                sub(/^[a-z_]*\.h - /, "", line)
                print text(line)
            }
        }
        close(path)
    }
    if (close(list) != 0)
        exit_status = 1
    print ".El"
}

function print_file(path,    line) {
    while ((getline line < path) > 0)
        if (line !~ /SPDX/)
            print text(line)
    if (close(path) != 0)
        exit_status = 1
}

/^\.\\" FILE / {
    sub(/^\.\\" FILE /, "")
    print_file($0)
    next
}
/^\.\\" HEADERS / {
    sub(/^\.\\" HEADERS /, "")
    print_headers($0)
    next
}
/^\.\\" OPTIONS / {
    sub(/^\.\\" OPTIONS /, "")
    print_options($0)
    next
}
{ print }
END { exit exit_status }
