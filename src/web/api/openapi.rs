//! The OpenAPI document, made from the tables of routes and the descriptions of the views.

use super::lists::{LISTS, List};
use super::rows::{ROWS, Row};
use crate::db::views::{self, View};
use crate::jobs::registry;
use crate::web::actions;
use axum::Json;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Required,
};

const BASE: &str = "/api/v1";

pub(super) async fn document() -> Json<OpenApi> {
    Json(build())
}

fn build() -> OpenApi {
    let info = InfoBuilder::new()
        .title("thetaq")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Rows of the desk and its queue, desk actions and new jobs. Times are ISO 8601 UTC; sizes and premiums are coin unless a column says USD. \
             Errors are RFC 9457 problems.",
        ));
    let mut components = ComponentsBuilder::new()
        .schema("problem", problem())
        .security_scheme(
            "bearer",
            SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        );
    for view in views::all() {
        components = components.schema(view.name, row(&view));
    }
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths())
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(
            "bearer",
            [],
        )]))
        .build()
}

fn paths() -> Paths {
    let mut paths = Paths::new();
    let mut add = |path: &str, method: HttpMethod, operation: OperationBuilder| {
        let operation = operation
            .response("default", RefOr::T(problem_response()))
            .build();
        paths.add_path_operation(format!("{BASE}{path}"), vec![method], operation);
    };
    for list in LISTS {
        add(list.path, HttpMethod::Get, listing(list));
    }
    for row in ROWS {
        add(row.path, HttpMethod::Get, single(row));
    }
    add("/jobs", HttpMethod::Post, enqueue());
    add("/actions/{action}", HttpMethod::Post, action());
    add("/chat", HttpMethod::Post, chat());
    add("/sql", HttpMethod::Get, known());
    add("/sql", HttpMethod::Post, ask());
    let own = OperationBuilder::new().summary(Some("This document"));
    let own = own.response("200", answer("OpenAPI", object().build().into()));
    add("/openapi.json", HttpMethod::Get, own);
    paths
}

fn listing(list: &List) -> OperationBuilder {
    let page = object()
        .property(
            "items",
            ArrayBuilder::new().items(Ref::from_schema_name(list.view)),
        )
        .property(
            "next",
            described(Type::String, "Cursor of the next page; null on the last."),
        )
        .required("items")
        .required("next");
    let operation = OperationBuilder::new()
        .summary(Some(about(list.view)))
        .response("200", answer("A page of rows", page.build().into()));
    let of = |name: &&str| query_parameter(name, list);
    operation.parameters(Some(list.parameters().iter().map(of)))
}

fn query_parameter(name: &str, list: &List) -> Parameter {
    let time = list.time.unwrap_or_default();
    let meaning = match name {
        "limit" => "Rows of a page, 1 to 1000; 100 unless given.".to_owned(),
        "cursor" => "`next` of the page before.".to_owned(),
        "desk" => "The book: live unless given, or the name of a replay.".to_owned(),
        "from" => format!("Only rows whose {time} is at or after this."),
        "to" => format!("Only rows whose {time} is before this."),
        column => format!("Only rows whose {column} is this."),
    };
    let kind = if name == "limit" {
        Type::Integer
    } else {
        Type::String
    };
    parameter(
        name,
        ParameterIn::Query,
        &meaning,
        described(kind, &meaning),
    )
}

fn single(row: &Row) -> OperationBuilder {
    let mut whole = object();
    for part in row.parts {
        whole = whole.property(
            part.name,
            ArrayBuilder::new().items(Ref::from_schema_name(part.view)),
        );
    }
    let shape = utoipa::openapi::AllOfBuilder::new()
        .item(Ref::from_schema_name(row.view))
        .item(whole);
    let id = "Id of the row.";
    OperationBuilder::new()
        .summary(Some(format!(
            "{} One of them with what belongs to it.",
            about(row.view)
        )))
        .parameter(parameter(
            "id",
            ParameterIn::Path,
            id,
            described(Type::String, id),
        ))
        .response(
            "200",
            answer("The row", Schema::AllOf(shape.build()).into()),
        )
}

fn enqueue() -> OperationBuilder {
    let kinds: Vec<&str> = registry::all().kinds().map(|kind| kind.name).collect();
    let body = object()
        .property("kind", choice(&kinds))
        .property(
            "args",
            described(
                Type::Object,
                "Payload of the kind; an empty object unless given.",
            ),
        )
        .property("priority", described(Type::Integer, "Higher runs first."))
        .property(
            "run_at_ms",
            described(
                Type::Integer,
                "Not before this wall time, milliseconds UTC.",
            ),
        )
        .property(
            "unique_key",
            described(Type::String, "At most one job per kind and key, for ever."),
        )
        .required("kind");
    let made = object()
        .property("id", described(Type::String, "Id of the job."))
        .property(
            "inserted",
            described(Type::Boolean, "False when the key already had a job."),
        )
        .build();
    let made = || answer("The job", made.clone().into());
    OperationBuilder::new()
        .summary(Some("Puts one job into the queue"))
        .request_body(Some(request(body)))
        .response("201", made())
        .response("200", made())
}

fn action() -> OperationBuilder {
    let names: Vec<&str> = actions::ACTIONS.iter().map(|action| action.name).collect();
    let lines: Vec<String> = actions::ACTIONS
        .iter()
        .map(|action| format!("- `{}`: {}", action.name, action.about))
        .collect();
    let mut body = object();
    for (name, meaning) in actions::FIELDS {
        body = body.property(*name, described(Type::String, meaning));
    }
    let notice = object().property("notice", described(Type::String, "The outcome in words."));
    OperationBuilder::new()
        .summary(Some(
            "Acts on the desk or its queue; every action leaves a line in the audit trail",
        ))
        .description(Some(lines.join("\n")))
        .parameter(parameter(
            "action",
            ParameterIn::Path,
            "What to do.",
            choice(&names),
        ))
        .request_body(Some(request(body)))
        .response("200", answer("Done", notice.build().into()))
}

fn chat() -> OperationBuilder {
    let body = object()
        .property(
            "text",
            described(Type::String, "A question, or a command such as /positions."),
        )
        .property(
            "thread",
            described(
                Type::String,
                "Conversation to go on with; a new one without.",
            ),
        )
        .required("text");
    let place = object()
        .property("thread", described(Type::String, "The conversation."))
        .property(
            "message",
            described(Type::String, "The answer: /chat/messages?id=.. has it."),
        )
        .property("job", described(Type::String, "The job that writes it."));
    OperationBuilder::new()
        .summary(Some("Asks a question; a job writes the answer"))
        .request_body(Some(request(body)))
        .response(
            "201",
            answer("Where the answer will be", place.build().into()),
        )
}

fn known() -> OperationBuilder {
    let list = |meaning: &str| {
        ArrayBuilder::new()
            .items(object())
            .description(Some(meaning.to_owned()))
    };
    let both = object()
        .property("questions", list("Named questions with their parameters."))
        .property(
            "views",
            list("Views with their columns, units and meanings."),
        );
    OperationBuilder::new()
        .summary(Some(
            "What can be asked: named questions, and views for queries",
        ))
        .response("200", answer("Questions and views", both.build().into()))
}

fn ask() -> OperationBuilder {
    let body = object()
        .property(
            "question",
            described(Type::String, "Name of a question; or send `query`."),
        )
        .property(
            "parameters",
            described(Type::Object, "Texts by name, for a question."),
        )
        .property(
            "query",
            described(Type::String, "One select over the views."),
        )
        .property(
            "rows",
            described(
                Type::Integer,
                "Rows at most, 1 to 10000; 1000 unless given.",
            ),
        )
        .property(
            "seconds",
            described(
                Type::Integer,
                "Stopped after so long, 1 to 60; 10 unless given.",
            ),
        );
    let cells = || ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    let result = object()
        .property(
            "columns",
            ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)),
        )
        .property(
            "rows",
            ArrayBuilder::new().items(ArrayBuilder::new().items(cells())),
        )
        .property(
            "truncated",
            described(Type::Boolean, "True when there were more rows."),
        );
    OperationBuilder::new()
        .summary(Some("Asks the database; closing the request stops it"))
        .request_body(Some(request(body)))
        .response(
            "200",
            answer("Rows in the order of the columns", result.build().into()),
        )
}

fn parameter(name: &str, place: ParameterIn, meaning: &str, schema: ObjectBuilder) -> Parameter {
    let required = match place {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(meaning))
        .schema(Some(schema))
        .build()
}

/// A row of a view: its columns with what they mean; values may be null, so no type is promised.
fn row(view: &View) -> ObjectBuilder {
    let start = object().description(Some(view.about));
    view.columns.iter().fold(start, |schema, column| {
        let value = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        schema.property(column.name, value.description(Some(column.meaning)))
    })
}

fn about(view: &str) -> String {
    let found = views::all().into_iter().find(|known| known.name == view);
    found.map_or_else(String::new, |view| view.about.to_owned())
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

fn described(kind: Type, meaning: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(kind)
        .description(Some(meaning))
}

fn choice(names: &[&str]) -> ObjectBuilder {
    let values = names.iter().copied();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values))
}

fn request(body: ObjectBuilder) -> utoipa::openapi::request_body::RequestBody {
    let schema: RefOr<Schema> = body.build().into();
    RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(schema)))
        .build()
}

fn answer(meaning: &str, schema: RefOr<Schema>) -> RefOr<utoipa::openapi::Response> {
    let content = Content::new(Some(schema));
    RefOr::T(
        ResponseBuilder::new()
            .description(meaning)
            .content("application/json", content)
            .build(),
    )
}

fn problem() -> ObjectBuilder {
    object()
        .property("type", described(Type::String, "about:blank"))
        .property("title", described(Type::String, "What is wrong."))
        .property("status", described(Type::Integer, "The HTTP status."))
        .property("detail", described(Type::String, "What to do next."))
}

fn problem_response() -> utoipa::openapi::Response {
    let content = Content::new(Some(Ref::from_schema_name("problem")));
    ResponseBuilder::new()
        .description("RFC 9457 problem")
        .content("application/problem+json", content)
        .build()
}
