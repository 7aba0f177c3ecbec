/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_tickets - see tls_tickets.h. Source: RFC 5077 section 4 (the form of a ticket).
 */
#include "lib/http/tls_tickets.h"

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/base/banned.h"

#define KEY_LIFE_NS                                                                                \
    ((int64_t)24 * 3600 * 1000000000) /* then a new one seals, and this one opens                  \
                                       */
#define KEY_COUNT 2                   /* the one that seals, the one before it */

struct key {
    unsigned char name[16];
    unsigned char aes[32];
    unsigned char hmac[32];
    int64_t made_at; /* clock_monotonic_ns; 0: no key */
};

struct tls_tickets {
    struct key keys[KEY_COUNT]; /* newest first */
};

static void make_key(struct key *key)
{
    if (RAND_bytes(key->name, sizeof(key->name)) != 1 ||
        RAND_priv_bytes(key->aes, sizeof(key->aes)) != 1 ||
        RAND_priv_bytes(key->hmac, sizeof(key->hmac)) != 1)
        abort();
    key->made_at = clock_monotonic_ns();
}

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *tickets = xcalloc(1, sizeof(*tickets));

    make_key(&tickets->keys[0]);
    return tickets;
}

void tls_tickets_free(struct tls_tickets *tickets)
{
    if (tickets == NULL)
        return;
    OPENSSL_cleanse(tickets, sizeof(*tickets));
    free(tickets);
}

/* The newest key, made anew when its day is over. */
static struct key *sealing_key(struct tls_tickets *tickets)
{
    if (clock_monotonic_ns() - tickets->keys[0].made_at > KEY_LIFE_NS) {
        tickets->keys[1] = tickets->keys[0];
        make_key(&tickets->keys[0]);
    }
    return &tickets->keys[0];
}

/* The key that sealed a ticket, NULL when it is gone. */
static struct key *opening_key(struct tls_tickets *tickets, const unsigned char *name)
{
    int64_t now = clock_monotonic_ns();

    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct key *key = &tickets->keys[i];

        if (key->made_at != 0 && now - key->made_at <= KEY_COUNT * KEY_LIFE_NS &&
            memcmp(key->name, name, sizeof(key->name)) == 0)
            return key;
    }
    return NULL;
}

static bool set_hmac(EVP_MAC_CTX *mac, struct key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, sizeof(key->hmac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(struct key *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                EVP_MAC_CTX *mac)
{
    memcpy(name, key->name, sizeof(key->name));
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv) != 1 ||
        !set_hmac(mac, key))
        return -1;
    return 1;
}

/* OpenSSL asks how to seal a new ticket or to open an old one: 1 fine, 2 fine and send a new one,
 * 0 no such key (then the handshake is a full one), -1 failure. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_sealing)
{
    struct tls_tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct key *key;

    if (is_sealing)
        return seal(sealing_key(tickets), name, iv, cipher, mac);
    key = opening_key(tickets, name);
    if (key == NULL)
        return 0;
    if (!set_hmac(mac, key) ||
        EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv) != 1)
        return -1;
    return key == &tickets->keys[0] ? 1 : 2;
}

void tls_tickets_use(struct tls_tickets *tickets, SSL_CTX *ctx)
{
    SSL_CTX_set_app_data(ctx, tickets);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
