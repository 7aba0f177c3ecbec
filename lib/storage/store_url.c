/* SPDX-License-Identifier: Apache-2.0
 *
 * store_url - see store.h: where clients can fetch a key themselves, as the driver and the
 * middleware before it say.
 */
#include "lib/storage/call.h"

#include "lib/base/banned.h"

void store_add_middleware(struct store *store, struct middleware *middleware)
{
    middleware->store = store;
    middleware->inner = store->middleware;
    store->middleware = middleware;
}

void store_start(struct store *store)
{
    for (struct middleware *it = store->middleware; it != NULL; it = it->inner) {
        if (it->kind->start != NULL)
            it->kind->start(it);
    }
}

void store_stop(struct store *store)
{
    for (struct middleware *it = store->middleware; it != NULL; it = it->inner) {
        if (it->kind->stop != NULL)
            it->kind->stop(it);
    }
}

bool has_store_urls(const struct store *store)
{
    return store->middleware != NULL || store->driver->url_for != NULL;
}

static int ask_driver(struct store *store, const struct url_request *request, struct str *out,
                      struct error *err)
{
    struct call call = call_begin(store->driver, CALL_URL_FOR, request->key);
    struct error why = ERROR_INIT;
    int rc;

    if (store->driver->url_for == NULL)
        return 0;
    rc = store->driver->url_for(store->storage, request->key, request->method, out, &why);
    if (rc < 0 && why.code == ERROR_UNSUPPORTED)
        return call_end(&call, 0, &why);
    if (rc < 0)
        *err = why;
    return call_end(&call, rc, err) < 0 ? -1 : 1;
}

static int ask(struct store *store, struct middleware *middleware,
               const struct url_request *request, struct str *out, struct error *err)
{
    if (middleware == NULL)
        return ask_driver(store, request, out, err);
    return middleware->kind->url_for(middleware, request, out, err);
}

int store_url_for(struct store *store, const struct url_request *request, struct str *out,
                  struct error *err)
{
    int rc = call_check_key(request->key, err);

    if (rc == 0)
        rc = ask(store, store->middleware, request, out, err);
    if (rc > 0 && str_overflowed(out))
        rc = error_set(err, ERROR_INTERNAL, "the URL of %s is too long",
                       call_shown_key(request->key, CALL_SHOWN_KEY));
    return rc;
}

int store_inner_url(const struct middleware *middleware, const struct url_request *request,
                    struct str *out, struct error *err)
{
    return ask(middleware->store, middleware->inner, request, out, err);
}

bool store_object_name(const struct store *store, const char *key, struct str *out)
{
    if (store->driver->object_name == NULL)
        return false;
    store->driver->object_name(store->storage, key, out);
    return true;
}
