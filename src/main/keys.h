/* Where keys come from besides the store: --keys-file and the environment. Neither the flags nor the configuration ever
 * hold one: flags show in the list of processes, and the configuration is printed. */
#ifndef BL_MAIN_KEYS_H
#define BL_MAIN_KEYS_H

#include "bl/app/access.h"
#include "bl/config/config.h"

#define KEYS_VARIABLE    "BL_KEYS" /* as the lines of a file, with spaces, semicolons or line ends between */
#define KEY_VARIABLE     "BL_KEY"  /* the one that `simulate` sends */
#define UP_KEY_VARIABLE  "BL_UP_KEY" /* `up` to its servers: the one of its shoppers */
#define KEYS_REFUSED_MAX 512

/* Reads the file and the variables. false: `why` has a sentence, which repeats nothing of a key. */
BL_CHECKED bool keys_read(const struct bl_config *config, struct bl_access_keys *out, struct bl_buf *why);
/* The key to send: of --key-file, else of BL_KEY; "": none. */
BL_CHECKED bool keys_read_own(const struct bl_config *config, char out[BL_TOKEN_MAX_BYTES + 1],
                              struct bl_buf *why);
/* Can nobody but this machine reach that address? */
bool keys_is_loopback(const char *listen);
/* Why a server without keys does not listen there, and what to do. */
void keys_refusal(const char *command, const char *listen, char out[KEYS_REFUSED_MAX]);

/* The actor of what is done from the command line: local:NAME, of who runs it. */
#define KEYS_ACTOR_MAX 64
void keys_actor(char out[KEYS_ACTOR_MAX]);

#endif
