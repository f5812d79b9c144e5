//! The description of the interface (OpenAPI 3.1), made from the code that answers.

use actix_web::HttpResponse;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, OpenApi as Description, PathItem, Ref, RefOr, ResponseBuilder, Schema,
};
use utoipa::{OpenApi, PartialSchema, ToSchema};

use super::ApiResult;
use super::problem::{MEDIA_TYPE, ProblemBody};
use super::{
    groups, key, mailings, receipts, recipient_changes, recipients, reports, tracking,
    unsubscription,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Widerspruch",
        version = "1",
        description = "Recipients, groups, personal tracking, mailings and reports of one account. \
                       Send a key of the account as `Authorization: Bearer …`. \
                       Lists begin with the newest entry and are read page by page: follow `next`. \
                       What is read carries an `ETag`; with it in `If-Match`, a change is made only of the state that was seen. \
                       Errors are `application/problem+json` (RFC 9457); their `type` never changes. \
                       Where fields are wrong, `errors` names each with a JSON Pointer and says why, in German as on the pages.",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later")
    ),
    paths(
        key::show,
        recipients::list,
        recipients::create,
        recipients::show,
        recipients::update,
        recipient_changes::patch,
        recipients::delete,
        unsubscription::create,
        receipts::show,
        tracking::show,
        tracking::update,
        groups::list,
        groups::create,
        groups::show,
        groups::rename,
        groups::delete,
        groups::add_member,
        groups::remove_member,
        mailings::list,
        mailings::show,
        reports::show,
    ),
    tags(
        (name = "Key", description = "The key that calls."),
        (name = "Recipients", description = "People with an address."),
        (name = "Tracking", description = "What people have said about personal tracking."),
        (name = "Groups", description = "Lists of recipients that mailings go to."),
        (name = "Mailings", description = "What was written, and how far it has come."),
        (name = "Reports", description = "The figures of sent mailings."),
    )
)]
struct Described;

/// The whole description.
pub fn description() -> Description {
    let mut api = Described::openapi();
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A key that an administrator made under Benutzerkonto → Schnittstelle.",
        ));
    components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    let mut parts = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut parts);
    components.schemas.extend(parts);
    for (name, schema) in &mut components.schemas {
        if let (Some(of), RefOr::T(Schema::Object(list))) = (name.strip_prefix("Listed_"), schema) {
            let entries = ArrayBuilder::new()
                .items(Ref::from_schema_name(of))
                .description(Some("The entries."));
            list.properties
                .insert("items".to_owned(), RefOr::T(Schema::Array(entries.build())));
        }
    }
    for item in api.paths.paths.values_mut() {
        for operation in operations(item) {
            fail_as_problem(operation);
        }
    }
    api
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

/// Whatever goes wrong is answered alike.
fn fail_as_problem(operation: &mut Operation) {
    let schema = Ref::from_schema_name(ProblemBody::name());
    let response = ResponseBuilder::new()
        .description("What went wrong")
        .content(
            MEDIA_TYPE,
            ContentBuilder::new().schema(Some(schema)).build(),
        );
    operation
        .responses
        .responses
        .insert("default".to_owned(), response.build().into());
}

/// GET `/api/v1/openapi.json`
pub async fn show() -> ApiResult {
    Ok(HttpResponse::Ok().json(description()))
}
