/* The program's commands. Each takes its words as main does (argv[0] is its name) and returns an
 * exit code (options.h). */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

int command_run(int argc, char **argv);
int command_ping(int argc, char **argv);
int command_peers(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_history(int argc, char **argv);
int command_key(int argc, char **argv);
int command_db(int argc, char **argv);
int command_sim(int argc, char **argv);

#endif
