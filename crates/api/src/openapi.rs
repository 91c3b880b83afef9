//! The OpenAPI document. Made from the types and the contract below, without a running server.
//!
//! Each function in `paths` stands for one route. A test compares paths and methods with [`Route`](crate::Route), and the whole document with the checked-in `openapi.json`.

mod paths;

use utoipa::OpenApi;

use crate::{ApiEvent, SessionEvent, SessionFailure};

/// Makes the OpenAPI document as JSON text, ended by a line feed.
pub fn openapi_document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pinnace host agent",
        description = "HTTP/1.1 over a Unix socket or named pipe of the user's own.",
        version = "1",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        paths::status,
        paths::events,
        paths::start,
        paths::stop,
        paths::restart,
        paths::pause,
        paths::resume,
        paths::logs,
        paths::shell,
        paths::container_session,
        paths::reset,
        paths::why,
        paths::signals,
        paths::forwards,
        paths::add_forward,
        paths::move_forward,
        paths::remove_forward,
        paths::shares,
        paths::add_share,
        paths::remove_share,
        paths::quit,
        paths::openapi
    ),
    components(schemas(ApiEvent, SessionEvent, SessionFailure))
)]
struct Document;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use super::*;
    use crate::Route;

    #[test]
    fn document_has_every_route_once() {
        let document: serde_json::Value = serde_json::from_str(&openapi_document()).unwrap();
        let documented: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods
                    .keys()
                    .map(|method| (path.clone(), method.to_uppercase()))
                    .collect::<Vec<_>>()
            })
            .collect();
        let served: BTreeSet<_> = Route::ALL
            .iter()
            .map(|route| (route.path().to_owned(), route.method().to_string()))
            .collect();
        assert_eq!(documented, served);
    }

    /// `PINNACE_UPDATE=1 cargo test -p pinnace-api` writes it anew.
    #[test]
    fn document_equals_the_checked_in_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        if env::var_os("PINNACE_UPDATE").is_some() {
            fs::write(&path, openapi_document()).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        assert!(
            checked_in == openapi_document(),
            "run `PINNACE_UPDATE=1 cargo test -p pinnace-api`"
        );
    }
}
