"""Shell completion scripts, for both names of the program."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, ShellComplete, get_completion_class


def completion_script(root: click.Command, shell: str) -> str:
    """The script of ``shell`` for ``oci-store`` and ``ocistore-tui``."""
    completer: type[ShellComplete] | None = _Bash if shell == "bash" else get_completion_class(shell)
    assert completer is not None
    names = {"oci-store": "_OCI_STORE_COMPLETE", "ocistore-tui": "_OCISTORE_TUI_COMPLETE"}
    return "\n".join(completer(root, {}, name, variable).source() for name, variable in names.items())


class _Bash(BashComplete):
    """click's script, but for words: bash breaks ``@prod`` and ``--via=auto`` in pieces (COMP_WORDBREAKS)."""

    source_template = r"""%(complete_func)s() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} words=() blank word index response type value
    # Words as they are typed: only blanks part them.
    for ((index = 0; index <= COMP_CWORD; index++)); do
        blank=${line%%%%[![:blank:]]*}
        line=${line#"$blank"}
        word=${COMP_WORDS[index]}
        ((index < COMP_CWORD)) || word=$line
        line=${line#"$word"}
        if [[ $index == 0 || -n $blank ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
    done
    word=${words[${#words[@]} - 1]}
    # What bash does not replace must not come again.
    local kept=${word%%"$2"}

    response=$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) %(complete_var)s=bash_complete $1)

    COMPREPLY=()
    for word in $response; do
        IFS=',' read -r type value <<< "$word"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$kept"}") ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
