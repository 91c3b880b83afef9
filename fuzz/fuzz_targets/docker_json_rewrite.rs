//! What is changed in a request that makes a container: whatever it says, the engine reads what is meant.
#![no_main]

#[path = "../../crates/engine-proxy/src/rewrite/tests/intent.rs"]
mod intent;
#[path = "../../crates/engine-proxy/src/rewrite/tests/judge.rs"]
mod judge;

use std::sync::Arc;

use engine_proxy::rewrite::{
    CaseRule, CreateRewrite, PathMap, PathStyle, Paths, Rewrite, RewriteSettings, SharedFolder,
};
use judge::{CONTAINER, Json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let settings = RewriteSettings {
        host_address: intent::HOST.parse().ok(),
        ..RewriteSettings::default()
    };
    let changed = CreateRewrite::new(settings.clone()).rewrite("POST", "/containers/create", bytes);
    let changed = changed.expect("only paths are refused");
    let forwarded = changed.as_deref().unwrap_or(bytes);
    if let Some(before @ Json::Object(_)) = judge::read(bytes, &CONTAINER) {
        assert_eq!(judge::read(forwarded, &CONTAINER), Some(intent::intended(before)));
    }
    let share = SharedFolder {
        host: r"C:\x".to_owned(),
        guest: "/mnt/x".to_owned(),
    };
    let settings = RewriteSettings {
        paths: PathMap::new(PathStyle::Windows, CaseRule::Insensitive, [share])
            .ok()
            .map(|paths| Arc::new(paths) as Arc<dyn Paths>),
        ..settings
    };
    for target in ["/containers/create", "/services/create", "/volumes/create"] {
        let changed = CreateRewrite::new(settings.clone()).rewrite("POST", target, bytes);
        // What the judge can read at all, it can read afterwards.
        if let Ok(Some(changed)) = changed
            && serde_json::from_slice::<Json>(bytes).is_ok()
        {
            serde_json::from_slice::<Json>(&changed).expect("it is JSON as it was");
        }
    }
});
