//! A private home, and the program in it.

use std::{fs, path::Path};

use assert_cmd::Command;
use platform::{Folders, LocalAddress};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A home that is deleted in the end.
pub struct Home {
    folder: TempDir,
}

/// What a run of the program came to.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("pn").tempdir().unwrap();
        // Sockets are bound in private folders only.
        let below = |name: &str| folder.path().join(name);
        let folders = Folders {
            config: below("config"),
            data: below("data"),
            state: below("state"),
            logs: below("logs"),
            cache: below("cache"),
            run: below("run"),
            engine_socket: LocalAddress::unix(below("run/docker.sock")),
            api_socket: LocalAddress::unix(below("run/api.sock")),
        };
        folders.create().unwrap();
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the docker context `pinnace` as the host agent does.
    pub fn docker_context(&self, endpoint: &str) {
        let id = hex::encode(Sha256::digest("pinnace"));
        self.write(
            &format!("docker/contexts/meta/{id}/meta.json"),
            &format!(r#"{{"Name":"pinnace","Endpoints":{{"docker":{{"Host":"{endpoint}"}}}}}}"#),
        );
    }

    /// The program with this home, and nothing of the user's environment that it looks at.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_pinnace").as_ref(), arguments)
    }

    pub fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PINNACE_HOME", self.path())
            .env("TZ", "UTC");
        command.env("DOCKER_CONFIG", self.path().join("docker"));
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "PINNACE_VM_IMAGE"] {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Where the program looks for its host agent.
    pub fn api_address(&self) -> LocalAddress {
        self.address("api_socket")
    }

    /// Where the program looks for the engine.
    pub fn engine_address(&self) -> LocalAddress {
        self.address("engine_socket")
    }

    fn address(&self, name: &str) -> LocalAddress {
        let shown = self.run(&["paths", name]).stdout;
        let shown = shown.trim_end();
        match shown.strip_prefix("unix://") {
            Some(path) => LocalAddress::unix(path),
            None => LocalAddress::pipe(shown.trim_start_matches("npipe://").replace('/', r"\")),
        }
    }

    /// `text` without what differs from run to run.
    pub fn redacted(&self, text: &str) -> String {
        text.replace(&self.path().display().to_string(), "[home]")
    }
}

pub fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().expect("the program ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
