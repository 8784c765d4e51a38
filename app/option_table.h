/* The table of all options: name, kind, default, range and help of each. Reading them (options.c)
 * and telling of them (option_help.c) follow from it. */
#ifndef APP_OPTION_TABLE_H
#define APP_OPTION_TABLE_H

#include "options.h"

typedef enum option_kind {
  KIND_FLAG, /* A boolean. */
  KIND_TEXT,
  KIND_IP,   /* An IP address, as text. */
  KIND_WORD, /* One of the words in `takes`, which are separated by `|`. */
  KIND_NUMBER,
  KIND_NEGATIVE, /* 0, or a negative number. */
  KIND_DURATION,
  KIND_LIST
} option_kind;

typedef struct option_spec {
  const char *name;
  option_kind kind;
  size_t offset;        /* Of its value in struct app_options. */
  unsigned commands;    /* FOR_…. */
  const char *group;    /* Heading under which --help lists it. */
  const char *preset;   /* Default as typed; NULL: none. */
  uint64_t least, most; /* Of a number, or of each of a list (most 0: it is not of numbers). Of a
                           negative one: -most is the least. Of a duration: `least` 1, more
                           than 0. */
  const char *takes;    /* What it takes, for --help and errors. */
  const char *help;
} option_spec;

/* The table, and the number of its rows: at most OPTIONS_MOST. */
const option_spec *option_table(size_t *count);

/* The name of a FOR_… command; "" for none. */
const char *option_command_name(unsigned command);

/* The letter of an option's short form; '\0': it has none. */
char option_letter(const option_spec *spec);

/* Says what an option takes, in words. */
void option_describe(const option_spec *spec, char *out, size_t cap);

/* Its value in `options`: a bool, char *, uint64_t, int64_t or text_list, by its kind. */
void *option_field(app_options *options, const option_spec *spec);

#endif
