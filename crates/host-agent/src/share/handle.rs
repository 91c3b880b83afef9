//! How everybody else talks to the table.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use agent_client::AgentClient;
use api::{AddShare, ApiError, Code, RemoveShare, Share, ShareOrigin};
use engine_client::Engine;
use engine_proxy::rewrite::Paths;
use machine::MachineState;
use platform::Folders;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    GUEST_FOLDER, HOME_ID,
    check::{self, Checked, check},
    follow,
    hidden::Hidden,
    input::{Add, Input, Reply},
    kept::Kept,
    paths::{self, CurrentPaths},
    publish::{Outlets, Published},
    served::Served,
    sys::resolve,
    task::{Task, id_of},
    users::users,
};
use crate::{
    down,
    failure::{failure, hinted},
    supervisor::Snapshot,
};

/// Inputs that may wait.
const QUEUED: usize = 64;
/// How long a request may wait for a guest that was connected just now.
const SETTLE: Duration = Duration::from_secs(10);
/// How long a new share may take to be mounted.
const MOUNT: Duration = Duration::from_secs(60);

/// What the shares need.
pub struct SharesConfig {
    /// The guest agent's connection, now and later.
    pub agents: watch::Receiver<Option<AgentClient>>,
    /// The machine, now and later.
    pub snapshots: watch::Receiver<Snapshot>,
    /// The engine in it.
    pub engine: Engine,
    /// Pinnace's own; what users shared is kept in that of the state.
    pub folders: Folders,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Whether it is shared where no user said anything.
    pub share_home: bool,
    /// More places below it that are hidden.
    pub hide: Vec<String>,
    /// How often is looked whether a folder is still there.
    pub look: Duration,
}

impl SharesConfig {
    /// The usual time for [`SharesConfig::look`].
    pub const LOOK: Duration = Duration::from_secs(5);
}

/// Asks for things and reads what is published. Cheap to clone; the shares end with the last clone.
#[derive(Clone, Debug)]
pub struct Shares {
    inputs: mpsc::Sender<Input>,
    published: watch::Receiver<Published>,
    paths: CurrentPaths,
    agents: watch::Receiver<Option<AgentClient>>,
    snapshots: watch::Receiver<Snapshot>,
    engine: Engine,
    hidden: Arc<Hidden>,
    _tasks: Arc<[AbortOnDropHandle<()>; 3]>,
}

impl Shares {
    /// Spawns the tasks on the present tokio runtime. Looks at the disk. Gives warnings for the user as well.
    pub fn spawn(config: SharesConfig) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let home = config.home.as_ref().and_then(|home| resolve(home).ok());
        let hidden = Hidden::new(home.as_deref(), &config.hide, &config.folders);
        let (kept, warning) = Kept::load(&config.folders.state);
        warnings.extend(warning);
        let home_asked = kept.home.map_or(config.share_home, |home| home.shared);
        let home = match home_folder(config.home.as_deref(), &hidden) {
            Ok(home) => Some(home),
            Err(why) => {
                if home_asked {
                    warnings.push(format!("the home folder is not shared: {why}"));
                }
                None
            }
        };
        let (inputs, received) = mpsc::channel(QUEUED);
        let (publish, published) = watch::channel(Published::default());
        let (publish_paths, paths) = watch::channel(Arc::new(paths::map(Vec::new(), &[])));
        let outlets = Outlets {
            published: publish,
            paths: publish_paths,
        };
        let mut task = Task::new(
            hidden.clone(),
            home.clone(),
            kept,
            config.look,
            inputs.downgrade(),
            outlets,
        );
        if let Some(home) = home.filter(|_| home_asked) {
            let read_only = task.kept.home.is_some_and(|home| home.read_only);
            task.insert(HOME_ID, home, read_only, ShareOrigin::Home);
        }
        for kept in task.kept.added.clone() {
            match check::allowed(Path::new(&kept.path), &hidden) {
                Ok(()) => {
                    let (id, path) = (id_of(&kept.path), PathBuf::from(&kept.path));
                    let folder = Checked {
                        path,
                        text: kept.path,
                        written: kept.written,
                    };
                    task.insert(&id, folder, kept.read_only, ShareOrigin::Added);
                }
                Err(why) => warnings.push(format!("`{}` is not shared: {why}", kept.path.escape_debug())),
            }
        }
        task.publish();
        let tasks = [
            AbortOnDropHandle::new(tokio::spawn(task.serve(received))),
            AbortOnDropHandle::new(tokio::spawn(follow::agents(
                config.agents.clone(),
                inputs.clone(),
            ))),
            AbortOnDropHandle::new(tokio::spawn(down::tell(
                config.snapshots.clone(),
                inputs.clone(),
                || Input::Down,
            ))),
        ];
        let shares = Self {
            inputs,
            published,
            paths: CurrentPaths(paths),
            agents: config.agents,
            snapshots: config.snapshots,
            engine: config.engine,
            hidden: Arc::new(hidden),
            _tasks: Arc::new(tasks),
        };
        (shares, warnings)
    }

    /// Every share as it is now, the home first.
    pub fn list(&self) -> Vec<Share> {
        self.published.borrow().shares.to_vec()
    }

    /// Tells that the shares changed.
    pub fn changes(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Where the host's folders are in the machine.
    pub fn paths(&self) -> Arc<dyn Paths> {
        Arc::new(self.paths.clone())
    }

    /// Resolves when it is known what a connected guest has mounted, or will not be known soon.
    pub async fn settled(&self) {
        let (mut agents, mut published) = (self.agents.clone(), self.published.clone());
        let settling = async {
            loop {
                let boot_id = agents.borrow_and_update().as_ref().map(AgentClient::boot_id);
                if boot_id.is_none() || published.borrow_and_update().boot_id == boot_id {
                    return;
                }
                let changed = tokio::select! {
                    changed = agents.changed() => changed,
                    changed = published.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
            }
        };
        // A guest that does not answer is told of elsewhere.
        drop(timeout(SETTLE, settling).await);
    }

    /// Shares a folder. Answers when it is mounted; of a machine that does not run, at once.
    pub async fn add(&self, request: AddShare) -> Result<Share, ApiError> {
        let AddShare { path, read_only } = request;
        let hidden = Arc::clone(&self.hidden);
        let checking = tokio::task::spawn_blocking(move || {
            let folder = check(&path, &hidden)?;
            // What cannot be opened now is told now, also without a machine.
            Served::open(&folder.path, read_only, &[]).map_err(|why| failure(Code::BadRequest, why))?;
            Ok(folder)
        });
        let folder = checking
            .await
            .map_err(|error| failure(Code::Internal, error.to_string()))??;
        let known = self.list().into_iter().find(|share| share.path == folder.text);
        if let Some(share) = known.filter(|share| share.read_only != read_only) {
            // Its mount is made anew, and theirs would be of the old one.
            self.refuse_used(&share, "stop them first", "try again in a moment")
                .await?;
        }
        self.ask(|reply| Input::Add(Add { folder, read_only }, reply))
            .await
    }

    /// Shares a folder no longer. Answers with it as it was.
    pub async fn remove(&self, request: RemoveShare) -> Result<Share, ApiError> {
        let path = request.path;
        let given = PathBuf::from(&path);
        let resolving = tokio::task::spawn_blocking(move || resolve(&given));
        let resolved = resolving.await.ok().and_then(Result::ok);
        let is_meant = |share: &Share| {
            let folder = Path::new(&share.path);
            folder == Path::new(&path) || resolved.as_deref() == Some(folder)
        };
        let Some(share) = self.list().into_iter().find(is_meant) else {
            return Err(hinted(
                Code::NotFound,
                format!("`{}` is not shared", path.escape_debug()),
                "see `pinnace share ls`",
            ));
        };
        if !request.force {
            self.refuse_used(
                &share,
                "stop them first, or force it: they then get errors for their files",
                "try again in a moment, or do it with `--force`: a container that uses it gets errors for its files",
            )
            .await?;
        }
        let id = share_id(&share);
        self.ask(|reply| Input::Remove { id, reply }).await
    }

    /// Refuses while a container that runs uses a share, or may use it. In a machine that is down none runs.
    async fn refuse_used(&self, share: &Share, hint: &str, unknown_hint: &str) -> Result<(), ApiError> {
        let is_down = matches!(
            self.snapshots.borrow().state,
            MachineState::Stopped | MachineState::Failed { .. }
        );
        if is_down {
            return Ok(());
        }
        let own = format!("{GUEST_FOLDER}/{}", share_id(share));
        let folders: Vec<String> = share.guest_path.iter().cloned().chain([own]).collect();
        let names = users(&self.engine, &folders).await;
        let names = names.map_err(|error| hinted(error.code, error.message, unknown_hint))?;
        if names.is_empty() {
            return Ok(());
        }
        let message = format!(
            "`{}` is used by containers that run: {}",
            share.path,
            names.join(", ")
        );
        Err(hinted(Code::Conflict, message, hint))
    }

    async fn ask(&self, input: impl FnOnce(Reply) -> Input) -> Result<Share, ApiError> {
        let (reply, outcome) = oneshot::channel();
        let ended = || failure(Code::Conflict, "the host agent is ending");
        self.inputs.send(input(reply)).await.map_err(|_| ended())?;
        let late = |_| {
            failure(
                Code::Timeout,
                "the machine did not mount it in time; it is tried again",
            )
        };
        timeout(MOUNT, outcome)
            .await
            .map_err(late)?
            .map_err(|_| ended())?
    }
}

fn share_id(share: &Share) -> String {
    match share.origin {
        ShareOrigin::Home => HOME_ID.to_owned(),
        ShareOrigin::Added => id_of(&share.path),
    }
}

fn home_folder(home: Option<&Path>, hidden: &Hidden) -> Result<Checked, String> {
    let home = home.filter(|home| !home.as_os_str().is_empty());
    let home = home.ok_or("this user has none")?;
    let text = home.to_str().ok_or("its path is no UTF-8 text")?;
    check(text, hidden).map_err(|error| error.message)
}
