#include "option_table.h"

#include <string.h>

#define WIDTH 80 /* Columns of --help. */
#define LEFT 31  /* Of these, for the options' names. */

/* ---- --help ---------------------------------------------------------------------------------- */

/* Prints words behind `column`, broken into lines of WIDTH that begin at LEFT. */
static void print_wrapped(FILE *out, const char *text, size_t column) {
  bool first = true;
  while (*text) {
    size_t len = strcspn(text, " ");
    if (!first && column + 1 + len > WIDTH) {
      (void)fprintf(out, "\n%*s", LEFT, "");
      column = LEFT;
      first = true;
    }
    (void)fprintf(out, "%s%.*s", first ? "" : " ", (int)len, text);
    column += len + !first;
    first = false;
    text += len;
    text += *text == ' ';
  }
  (void)fputc('\n', out);
}

/* "-c, --count=N" */
static int name_of(const option_spec *spec, char *out, size_t cap) {
  char letter = option_letter(spec);
  char shown[8] = "";
  if (letter) {
    (void)snprintf(shown, sizeof shown, "-%c, ", letter);
  }
  if (spec->kind == KIND_FLAG) {
    bool on = spec->preset && strcmp(spec->preset, "true") == 0;
    return snprintf(out, cap, "  %s--%s%s", shown, spec->name, on ? "=BOOL" : "");
  }
  return snprintf(out, cap, "  %s--%s=%s", shown, spec->name,
                  spec->kind == KIND_WORD ? "WORD" : spec->takes);
}

static void print_option(const option_spec *spec, FILE *out) {
  char left[80];
  char text[400];
  bool says = spec->preset && !(spec->kind == KIND_FLAG && strcmp(spec->preset, "false") == 0);
  int len = name_of(spec, left, sizeof left);
  (void)snprintf(text, sizeof text, "%s%s%s%s", spec->help, says ? " [" : "",
                 says ? spec->preset : "", says ? "]" : "");
  (void)fprintf(out, "%-*s", LEFT, left);
  print_wrapped(out, text, len > LEFT ? (size_t)len : LEFT);
}

/* Under headings where they are many. */
void options_print(unsigned command, FILE *out) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  const char *group = NULL;
  for (size_t i = 0; i < count; i++) {
    if (!(specs[i].commands & command)) {
      continue;
    }
    if (command == FOR_RUN && group != specs[i].group) {
      (void)fprintf(out, "%s%s:\n", group ? "\n" : "", specs[i].group);
      group = specs[i].group;
    }
    print_option(&specs[i], out);
  }
}

/* ---- completion ------------------------------------------------------------------------------ */

/* The cases of an option's value. */
static void print_values(const option_spec *spec, FILE *out) {
  if (spec->kind == KIND_FLAG) {
    (void)fprintf(out, "    --%s) words=\"true false\" ;;\n", spec->name);
  } else if (spec->kind == KIND_WORD) {
    (void)fprintf(out, "    --%s) words=\"", spec->name);
    for (const char *at = spec->takes; *at; at++) {
      (void)fputc(*at == '|' ? ' ' : *at, out);
    }
    (void)fputs("\" ;;\n", out);
  } else if (strcmp(spec->takes, "DIR") == 0 || strcmp(spec->takes, "FILE") == 0) {
    (void)fprintf(out, "    --%s) COMPREPLY=($(compgen -%c -- \"$cur\")); return ;;\n", spec->name,
                  spec->takes[0] == 'D' ? 'd' : 'f');
  } else {
    (void)fprintf(out, "    --%s) return ;;\n", spec->name);
  }
}

/* What may stand behind a command. */
static void print_command(unsigned command, const option_spec *specs, size_t count, FILE *out) {
  const char *verbs = command == FOR_PEERS
                          ? "list show add discovered remove connect disconnect ban unban ranges "
                            "protect unprotect "
                      : command == FOR_KEY ? "new show "
                      : command == FOR_DB  ? "info check export import compact "
                                           : "";
  (void)fprintf(out, "    %s) words=\"%s", option_command_name(command), verbs);
  for (size_t i = 0; i < count; i++) {
    if (specs[i].commands & command) {
      (void)fprintf(out, "--%s%s ", specs[i].name, specs[i].kind == KIND_FLAG ? "" : "=");
    }
  }
  (void)fputs("\" ;;\n", out);
}

/* Bash splits a word at `=`, so `--log-level=de` comes as three. */
void options_print_completion(FILE *out) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  (void)fputs("# bash completion for wakupeers; made by `wakupeers completion bash`\n"
              "_wakupeers() {\n"
              "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
              "  local option=\"\" words=\"\"\n"
              "  COMPREPLY=()\n"
              "  if [[ $cur == = ]]; then\n"
              "    option=$before cur=\"\"\n"
              "  elif [[ $before == = ]]; then\n"
              "    option=\"${COMP_WORDS[COMP_CWORD-2]}\"\n"
              "  fi\n"
              "  case \"$option\" in\n"
              "    \"\") ;;\n",
              out);
  for (size_t i = 0; i < count; i++) {
    print_values(&specs[i], out);
  }
  (void)fputs(
      "    *) return ;;\n"
      "  esac\n"
      "  if [[ -n $option ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "    return\n"
      "  fi\n"
      "  if [[ $COMP_CWORD == 1 ]]; then\n"
      "    words=\"run ping peers explain plan history key db sim completion --help --version\"\n"
      "  else\n"
      "  case \"${COMP_WORDS[1]}\" in\n",
      out);
  for (unsigned command = 1; command & FOR_ALL; command <<= 1) {
    print_command(command, specs, count, out);
  }
  (void)fputs("    completion) words=\"bash --help\" ;;\n"
              "  esac\n"
              "  fi\n"
              "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
              "  if [[ ${COMP_WORDS[1]} == db && $COMP_CWORD -gt 2 && $cur != -* ]]; then\n"
              "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
              "    compopt -o filenames 2>/dev/null\n"
              "  fi\n"
              "  if [[ ${COMPREPLY[0]} == *= ]]; then\n"
              "    compopt -o nospace 2>/dev/null\n"
              "  fi\n"
              "}\n"
              "complete -F _wakupeers wakupeers\n",
              out);
}
