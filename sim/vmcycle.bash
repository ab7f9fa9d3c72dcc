# SPDX-License-Identifier: MIT
# Completion of vmcycle for bash. Commands and options are asked of the program
# itself, so that they are those of the version that is installed.

_vmcycle_commands() {
    "$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

_vmcycle_options() {
    "$@" --help 2>/dev/null |
        sed -nE 's/^(  |      )(-., )?(--[a-z0-9-]+=?).*/\3/p'
}

_vmcycle_profiles() {
    "$1" profiles 2>/dev/null | sed -n 's/^\([^ ]*\) .* assumed.*/\1/p'
}

_vmcycle() {
    local program=$1 word=${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1))
    local command=("${COMP_WORDS[1]}") option words='' files=''

    # Bash takes --option=value for three words, and --option= for two.
    if [ "$word" = = ]; then
        word=
    elif [ "${COMP_WORDS[at]}" = = ]; then
        at=$((at - 1))
    fi
    option=${COMP_WORDS[at]}

    # What is compared decides which options there are.
    if [ "$COMP_CWORD" -gt 2 ] && [ "${COMP_WORDS[1]}" = compare ]; then
        command+=("${COMP_WORDS[2]}")
    fi
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$(_vmcycle_commands "$program")
    elif [[ $word == -* ]]; then
        words=$(_vmcycle_options "$program" "${command[@]}")
    else
        files=-f
        compopt -o filenames 2>/dev/null
        if [[ $option == --@(profile|machine|interrupts) ||
            ($option == profiles && $COMP_CWORD -eq 2) ]]; then
            words=$(_vmcycle_profiles "$program")
        fi
    fi
    mapfile -t COMPREPLY < <(compgen $files -W "$words" -- "$word")
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
}

complete -F _vmcycle vmcycle
