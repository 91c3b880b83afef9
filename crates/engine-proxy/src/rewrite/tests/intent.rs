//! What is meant to come out of a request that makes a container, for a body that the judge has read.

use super::judge::Json;

/// The host's address in the settings that this is for.
pub const HOST: &str = "10.0.2.2";

/// Ports open on localhost, the host's names at [`HOST`], paths left alone.
pub fn intended(mut request: Json) -> Json {
    let Json::Object(members) = &mut request else {
        return request;
    };
    for (name, value) in members.iter_mut() {
        if name == "HostConfig" && *value == Json::Null {
            let fields = ["Binds", "NetworkMode", "PortBindings", "ExtraHosts", "Mounts"];
            *value = Json::Object(fields.map(|field| (field.to_owned(), Json::Null)).into());
        }
    }
    let Some(host_config) = request.get_mut("HostConfig") else {
        return request;
    };
    if let Some(Json::Object(ports)) = host_config.get_mut("PortBindings") {
        for (_, bindings) in ports {
            if let Json::Array(bindings) = bindings {
                *bindings = bindings.drain(..).flat_map(bound).collect();
            }
        }
    }
    let mode = host_config.get("NetworkMode").map(Json::text).unwrap_or_default();
    let mut missing = vec!["host.docker.internal", "gateway.docker.internal"];
    if mode == "none" || mode.starts_with("container:") {
        missing.clear();
    }
    if let Some(hosts) = host_config.get_mut("ExtraHosts") {
        let mut told: Vec<Json> = Vec::new();
        let was_given = *hosts != Json::Null;
        for host in hosts.values() {
            let text = host.text();
            missing.retain(|name| !text.to_ascii_lowercase().starts_with(&format!("{name}:")));
            told.push(match text.strip_suffix(":host-gateway") {
                Some(name) if !name.contains(':') => Json::Text(format!("{name}:{HOST}")),
                _ => host.clone(),
            });
        }
        told.extend(missing.iter().map(|name| Json::Text(format!("{name}:{HOST}"))));
        if was_given || !told.is_empty() {
            *hosts = Json::Array(told);
        }
    }
    request
}

fn bound(mut binding: Json) -> Vec<Json> {
    if binding == Json::Null {
        let fields = ["HostIp", "HostPort"];
        binding = Json::Object(fields.map(|field| (field.to_owned(), Json::Null)).into());
    }
    if binding
        .get("HostIp")
        .is_some_and(|address| !address.text().is_empty())
    {
        return vec![binding];
    }
    let addresses = ["127.0.0.1", "::1"];
    let on = addresses.map(|address| {
        let mut binding = binding.clone();
        if let Some(place) = binding.get_mut("HostIp") {
            *place = Json::Text(address.to_owned());
        }
        binding
    });
    on.into()
}
