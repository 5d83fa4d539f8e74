/** The shells for which there is completion. */
export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/**
 * bash splits words at `:` and `=` (COMP_WORDBREAKS) and replaces only what follows the last of them: the words are joined
 * again, and that much is cut off the candidates. Works without the package bash-completion, from bash 4.3 on.
 */
const bash = String.raw`# bash completion for gsc: source <(gsc completion bash)
_gsc() {
  local rest=${'$'}{COMP_LINE:0:COMP_POINT} words=() index word trimmed
  for ((index = 0; index <= COMP_CWORD; index++)); do
    trimmed=${'$'}{rest#"${'$'}{rest%%[![:space:]]*}"}
    word=${'$'}{COMP_WORDS[index]}
    ((index < COMP_CWORD)) || word=$trimmed
    if [[ $trimmed == "$rest" && ${'$'}{#words[@]} -gt 0 ]]; then words[-1]+=$word; else words+=("$word"); fi
    rest=${'$'}{trimmed#"$word"}
  done
  words=("${'$'}{words[@]//\\/}")
  local breaks=${'$'}{COMP_WORDBREAKS//[^:=]/} kept= lines line
  [[ -z $breaks ]] || kept=${'$'}{words[-1]%"${'$'}{words[-1]##*[$breaks]}"}
  mapfile -t lines < <(gsc completion bash -- "${'$'}{words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  for line in "${'$'}{lines[@]}"; do
    line=${'$'}{line%%$'\t'*}
    [[ $line != *[/:=] ]] || compopt -o nospace
    printf -v word %q "$line"
    word=${'$'}{word/#'\~/'/'~/'}
    COMPREPLY+=("${'$'}{word#"$kept"}")
  done
}
complete -F _gsc gsc
`;

const zsh = String.raw`#compdef gsc
# zsh completion for gsc: source <(gsc completion zsh) after compinit, or a file _gsc in a directory of $fpath
_gsc() {
  local line value described
  local -a closed open
  for line in "${'$'}{(@f)$(gsc completion zsh -- "${'$'}{(@Q)words[2,CURRENT-1]}" "${'$'}{(Q)PREFIX}" 2>/dev/null)}"; do
    value=${'$'}{line%%$'\t'*}
    [[ -n $value ]] || continue
    described=${'$'}{value//:/\\:}
    [[ $line == *$'\t'* ]] && described+=:${'$'}{line#*$'\t'}
    if [[ $value == *[/:=] ]]; then open+=("$described"); else closed+=("$described"); fi
  done
  (( $#closed )) && _describe -t values value closed
  (( $#open )) && _describe -t values value open -S ''
}
if [[ ${'$'}{funcstack[1]} == _gsc ]]; then _gsc "$@"; else compdef _gsc gsc; fi
`;

/** fish itself writes no blank after `/`, `:` and `=`. */
const fish = `# fish completion for gsc: gsc completion fish | source
function __gsc_complete
    set --local before (commandline --tokenize --cut-at-cursor --current-process)
    set --local current (commandline --current-token --cut-at-cursor)
    set --erase before[1]
    set current (string unescape -- "$current")
    gsc completion fish -- $before "$current" 2>/dev/null
end
complete --command gsc --no-files --keep-order --arguments '(__gsc_complete)'
`;

/** What a shell reads in order to complete command lines of gsc: it calls `gsc completion SHELL -- WORD…`. */
export const shellScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
