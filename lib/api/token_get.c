/* SPDX-License-Identifier: Apache-2.0
 *
 * token_get - GET and POST <prefix>auth/token: the registry's own token endpoint, for controllers
 * that have one. Who asks is told by the header Authorization or by the form of a POST.
 *
 * Source: upstream's token specification; RFC 6749 sections 4.3 and 5.1 for the form.
 */
#include "lib/api/authorize.h"
#include "lib/api/handlers.h"

#include "lib/base/banned.h"

#define FORM_MAX     (64 << 10)  /* bytes */
#define JSON_MAX     (64 << 10)  /* bytes of a reply */
#define BASE_URL_MAX (256 << 10) /* bytes; a head's worth, percent-encoded */
#define FORM_TYPE    "application/x-www-form-urlencoded"

bool is_token_offered(const struct api_options *options)
{
    return options->access != NULL && options->access->controller->token != NULL;
}

/* Parameters of a media type (charset) do not count. */
static bool is_form(const struct exchange *ex)
{
    struct span type = exchange_header(ex, "Content-Type");

    return span_equals_nocase(span_trim(span_cut(&type, ';')), SPAN(FORM_TYPE));
}

static void answer_with(struct exchange *ex, const struct access_request *request,
                        const struct access_answer *answer, struct span json)
{
    if (answer->verdict != ACCESS_GRANTED) {
        authorize_refuse(ex, request, answer);
    } else if (json.len == 0) {
        exchange_send_text(ex, 404, "404 page not found\n");
    } else {
        exchange_set(ex, "Cache-Control", "no-store");
        exchange_send_json(ex, 200, json);
    }
}

/* May suspend. */
static void give_token(struct exchange *ex, struct span form)
{
    struct access_control *control = ex->options->access;
    auto_str base_url = STR_INIT(BASE_URL_MAX);
    auto_str json = STR_INIT(JSON_MAX);
    auto_access_answer answer;
    struct access_request request;
    struct error err = ERROR_INIT;

    access_answer_init(&answer);
    authorize_describe(ex, &base_url, &request);
    if (control->controller->token(control, &request, ex->target.query, form, &json, &answer,
                                   &err) < 0) {
        authorize_fail(ex, &err);
        return;
    }
    str_append(&ex->user, str_span(&answer.user));
    answer_with(ex, &request, &answer, str_span(&json));
}

int token_get(struct exchange *ex, struct error *err)
{
    auto_str form = STR_INIT(FORM_MAX);

    if (is_exchange_method(ex, "POST")) {
        if (!is_form(ex)) {
            exchange_send_text(ex, 415, "the body is to be " FORM_TYPE "\n");
            return 0;
        }
        if (http_body_read_all(ex->http, &form, err) < 0)
            return -1;
    }
    give_token(ex, str_span(&form));
    return 0;
}
