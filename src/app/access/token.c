/* Tokens: `blw_k3f9xq7mtb_` and forty characters more. What stands before the last part is the key's public id, by which
 * people and logs speak of it; the letter after `bl` tells the kind, so that a token in the wrong place is seen as such.
 * Each character of the alphabet (no i, l, o, u) is five bits: the secret has 200.
 *
 * A plain SHA-256 is enough for them: nobody can guess 200 random bits, however fast the hash is. */
#include "bl/app/access.h"

#include <assert.h>
#include <openssl/sha.h>

#define ID_CHARS     10
#define SECRET_CHARS 40
#define PREFIX_CHARS 4 /* blw_ */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const char letters[BL_KIND_COUNT] = {
    [BL_KIND_WRITE] = 'w', [BL_KIND_READ] = 'r', [BL_KIND_ADMIN] = 'a'};

_Static_assert(PREFIX_CHARS + ID_CHARS + 1 + SECRET_CHARS == BL_TOKEN_CHARS, "the form of a token");
_Static_assert(ID_CHARS + SECRET_CHARS == BL_TOKEN_RANDOM_BYTES, "a random byte a character");
_Static_assert(PREFIX_CHARS + ID_CHARS <= BL_KEY_ID_MAX_BYTES, "an id fits");

void bl_token_hash(struct bl_str token, uint8_t out[BL_TOKEN_HASH_BYTES])
{
    _Static_assert(BL_TOKEN_HASH_BYTES == SHA256_DIGEST_LENGTH, "SHA-256");
    SHA256((const unsigned char *)token.p, token.n, out);
}

void bl_token_make(enum bl_key_kind kind, const uint8_t random[BL_TOKEN_RANDOM_BYTES],
                   char out[BL_TOKEN_CHARS + 1])
{
    assert(kind < BL_KIND_COUNT);
    size_t at = 0;
    out[at++] = 'b';
    out[at++] = 'l';
    out[at++] = letters[kind];
    out[at++] = '_';
    for (size_t i = 0; i < BL_TOKEN_RANDOM_BYTES; i++) {
        if (i == ID_CHARS)
            out[at++] = '_';
        out[at++] = alphabet[random[i] & 31];
    }
    out[at] = '\0';
}

static bool is_ours(struct bl_str t)
{
    if (t.n != BL_TOKEN_CHARS || t.p[0] != 'b' || t.p[1] != 'l' || !memchr(letters, t.p[2], sizeof letters))
        return false;
    for (size_t i = PREFIX_CHARS - 1; i < t.n; i++) {
        bool line = i == PREFIX_CHARS - 1 || i == PREFIX_CHARS + ID_CHARS;
        if (line ? t.p[i] != '_' : t.p[i] == '\0' || !strchr(alphabet, t.p[i]))
            return false;
    }
    return true;
}

void bl_token_id(struct bl_str token, char out[BL_KEY_ID_MAX_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[BL_TOKEN_HASH_BYTES];
    size_t n = 0;
    if (is_ours(token)) {
        memcpy(out, token.p, n = PREFIX_CHARS + ID_CHARS);
    } else {
        bl_token_hash(token, hash);
        out[n++] = 'x';
        for (size_t i = 0; i < 6; i++) {
            out[n++] = digits[hash[i] >> 4];
            out[n++] = digits[hash[i] & 15];
        }
    }
    out[n] = '\0';
}

const char *bl_token_fault(struct bl_str token)
{
    if (token.n < BL_TOKEN_MIN_BYTES)
        return "the token is too short to be secret: it takes 32 characters, such as `openssl rand -hex 24` "
               "makes";
    if (token.n > BL_TOKEN_MAX_BYTES)
        return "the token is longer than 128 characters";
    for (size_t i = 0; i < token.n; i++) {
        char c = token.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && !memchr("-._~+/=", c, 7))
            return "a token is made of letters, digits and -._~+/= alone";
    }
    return NULL;
}
