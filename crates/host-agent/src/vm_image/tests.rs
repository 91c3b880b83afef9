use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;

fn image(change: impl FnOnce(&Path, &mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in manifest::FILES {
        let content = format!("content of {name}").repeat(1000);
        fs::write(folder.path().join(name), &content).unwrap();
        files.push(json!({"name": name, "size_bytes": content.len(), "sha256": hex::encode(Sha256::digest(&content))}));
    }
    let mut manifest = json!({
        "version": "1.2", "arch": "amd64", "generation": protocol::GENERATION, "files": files,
        "components": [{"name": "docker.io", "version": "28"}],
    });
    change(folder.path(), &mut manifest);
    fs::write(folder.path().join(manifest::NAME), manifest.to_string()).unwrap();
    folder
}

async fn refused(change: impl FnOnce(&Path, &mut Value)) -> String {
    let folder = image(change);
    let error = verify(folder.path(), "amd64").await.unwrap_err();
    assert_eq!(error.code, Code::VmImage);
    assert!(error.hint.is_some());
    error.message
}

#[tokio::test]
async fn image_whole_is_taken() {
    let folder = image(|_, _| {});
    let image = verify(folder.path(), "amd64").await.unwrap();
    assert_eq!(image.info.version, "1.2");
    assert_eq!(image.paths.root, folder.path().join("root.erofs"));
}

#[tokio::test]
async fn file_missing_is_named() {
    let message = refused(|folder, _| fs::remove_file(folder.join("initrd")).unwrap()).await;
    assert!(message.contains("initrd: failed to read it"), "{message}");
}

#[tokio::test]
async fn file_truncated_is_named() {
    let message = refused(|folder, _| fs::write(folder.join("root.erofs"), "short").unwrap()).await;
    assert!(
        message.contains("root.erofs: it has 5 bytes instead of"),
        "{message}"
    );
}

#[tokio::test]
async fn file_with_flipped_bit_is_named() {
    let message = refused(|folder, _| {
        let mut bytes = fs::read(folder.join("vmlinux")).unwrap();
        bytes[9000] ^= 1;
        fs::write(folder.join("vmlinux"), bytes).unwrap();
    })
    .await;
    assert!(message.contains("vmlinux: its sha256 is"), "{message}");
}

#[tokio::test]
async fn image_of_another_arch_or_generation_is_refused() {
    let message = refused(|_, manifest| manifest["arch"] = json!("arm64")).await;
    assert!(
        message.contains("is for arm64, this host needs amd64"),
        "{message}"
    );
    for generation in [0, protocol::GENERATION + 1] {
        let message = refused(|_, manifest| manifest["generation"] = json!(generation)).await;
        assert!(message.contains(&format!("generation {generation}")), "{message}");
    }
}

#[tokio::test]
async fn manifest_that_leads_out_of_the_folder_or_lacks_a_file_is_refused() {
    let message = refused(|_, manifest| {
        let mut file = manifest["files"][0].clone();
        file["name"] = json!("../secret");
        manifest["files"].as_array_mut().unwrap().push(file);
    })
    .await;
    assert!(message.contains("no plain file name"), "{message}");
    let message = refused(|_, manifest| drop(manifest["files"].as_array_mut().unwrap().pop())).await;
    assert!(message.contains("does not name root.erofs"), "{message}");
}

#[tokio::test]
async fn manifest_of_garbage_is_refused() {
    for content in [&b""[..], b"{", &[0; 64], b"[]", &vec![b' '; 2 * 1024 * 1024]] {
        let folder = image(|_, _| {});
        fs::write(folder.path().join(manifest::NAME), content).unwrap();
        let error = verify(folder.path(), "amd64").await.unwrap_err();
        assert!(
            error.message.starts_with("VM image manifest"),
            "{}",
            error.message
        );
    }
}

#[test]
fn find_takes_the_first_with_a_manifest_and_a_chosen_one_alone() {
    let folder = image(|_, _| {});
    let absent = folder.path().join("absent");
    assert_eq!(
        find(&[absent.clone(), folder.path().to_owned()]).unwrap(),
        folder.path()
    );
    let chosen = candidates(Some(absent.clone()), folder.path(), None);
    assert_eq!(chosen, std::slice::from_ref(&absent));
    assert_eq!(find(&chosen).unwrap_err().code, Code::VmImage);
}

#[tokio::test]
async fn look_tells_what_verify_would_and_notices_another_manifest() {
    let folder = image(|_, _| {});
    let seen = SeenImage::default();
    let first = seen.look(folder.path()).unwrap();
    assert_eq!(first, verify(folder.path(), "amd64").await.unwrap().info);
    assert_eq!(seen.look(folder.path()), Some(first));
    let text = fs::read_to_string(folder.path().join(manifest::NAME)).unwrap();
    fs::write(folder.path().join(manifest::NAME), text.replace("1.2", "1.10")).unwrap();
    assert_eq!(seen.look(folder.path()).unwrap().version, "1.10");
    fs::write(folder.path().join(manifest::NAME), "{").unwrap();
    assert_eq!(seen.look(folder.path()), None);
}
