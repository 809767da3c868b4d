/** Shells for which there is a script. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof SHELLS)[number];

/** What a shell must run to complete command lines of `stigmer`: each asks this program for the words that fit. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of stigmer; in ~/.bashrc: source <(stigmer completion bash)
_stigmer() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
    "\${COMP_WORDS[0]}" completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null
  )
}
complete -o default -F _stigmer stigmer
`,
  zsh: `#compdef stigmer
# zsh completion of stigmer; in ~/.zshrc, after compinit: source <(stigmer completion zsh)
_stigmer() {
  local -a found
  found=("\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[*]}" ]]; then compadd -a found; else _files; fi
}
compdef _stigmer stigmer
`,
  fish: `# fish completion of stigmer; once: stigmer completion fish > ~/.config/fish/completions/stigmer.fish
function __stigmer_words
    set -l line (commandline -opc)
    stigmer completion words -- $line[2..] (commandline -ct) 2>/dev/null
end
complete -c stigmer -a '(__stigmer_words)'
`,
};
