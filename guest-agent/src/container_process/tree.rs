//! A process and its descendants.
//!
//! A child whose parent has ended becomes the child of the container's PID 1 and is then found by its session only.
//! The engine starts each exec in a session of its own (runc calls setsid), whose number nobody else has until its
//! last process ends. Whoever made a session of its own and left its parent is no descendant any more.
//!
//! Members are remembered by number and start, and held only while they are looked at: a tree may have more processes
//! than we may have open files.

use rustix::process::Signal;

use super::{
    container::Container,
    member::Member,
    proc_files,
    stat::{Identity, Stat},
};

/// The processes found so far.
#[derive(Debug)]
pub struct Tree {
    container: Container,
    /// The session that the root leads.
    session: Option<u32>,
    /// The root's number in each process namespace.
    numbers: Vec<u32>,
    members: Vec<Identity>,
}

impl Tree {
    /// The tree below the process with this number, the process included. `None` when the container has no such
    /// process, and when it is the container's PID 1: an exec's process never is, so the number that was meant has
    /// been reused by a container that was started again meanwhile.
    pub fn below(pid: u32, container: Container) -> anyhow::Result<Option<Self>> {
        let Some(root) = Member::open(pid, &container)? else {
            return Ok(None);
        };
        let numbers = proc_files::status(root.pid())?.unwrap_or_default().numbers;
        if is_init(&numbers) {
            return Ok(None);
        }
        let mut tree = Self {
            container,
            session: Some(pid).filter(|pid| root.stat().session == *pid),
            numbers,
            members: vec![root.identity()],
        };
        tree.grow();
        Ok(Some(tree))
    }

    /// Finds descendants that were not known before. Returns them.
    pub fn grow(&mut self) -> Vec<Identity> {
        let known = self.members.len();
        let processes = proc_files::all();
        // The number of a member that has ended may be another process's by now, with children of its own.
        let mut parents: Vec<u32> = processes
            .iter()
            .filter(|stat| self.members.contains(&stat.identity()))
            .map(|stat| stat.pid)
            .collect();
        loop {
            let found: Vec<Identity> = processes
                .iter()
                .filter(|stat| self.is_next(stat, &parents))
                .filter_map(|stat| self.adopt(stat, &parents))
                .collect();
            if found.is_empty() {
                return self.members[known..].to_vec();
            }
            parents.extend(found.iter().map(|identity| identity.pid));
            self.members.extend(found);
        }
    }

    /// Signals those of the processes that are left.
    pub fn signal(&self, processes: &[Identity], signal: Signal) {
        for identity in processes {
            let sent = Member::reopen(*identity, &self.container).and_then(|member| match member {
                Some(member) => Ok(member.signal(signal)?),
                None => Ok(()),
            });
            if let Err(error) = sent {
                let pid = identity.pid;
                tracing::warn!(
                    pid,
                    ?signal,
                    error = format!("{error:#}"),
                    "failed to signal a container's process"
                );
            }
        }
    }

    /// All processes found so far, also those that have ended.
    pub fn members(&self) -> &[Identity] {
        &self.members
    }

    /// Whether all processes found so far have ended.
    pub fn is_gone(&self) -> anyhow::Result<bool> {
        for identity in &self.members {
            if Member::reopen(*identity, &self.container)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether it is not known yet, and below one that is.
    fn is_next(&self, stat: &Stat, parents: &[u32]) -> bool {
        let below = parents.contains(&stat.parent) || self.session == Some(stat.session);
        below && !self.members.contains(&stat.identity())
    }

    /// Its identity, if it still is the process that was seen, belongs to the container, and may be touched.
    fn adopt(&self, seen: &Stat, parents: &[u32]) -> Option<Identity> {
        let member = Member::open(seen.pid, &self.container).ok()??;
        let unchanged = member.identity() == seen.identity() && self.is_next(member.stat(), parents);
        let numbers = proc_files::status(member.pid()).ok()??.numbers;
        (unchanged && !is_init_beside(&numbers, &self.numbers)).then(|| member.identity())
    }
}

/// Whether the process is PID 1 of the very namespace that the root is in: the container's own. One that is PID 1 of a
/// namespace further down was started by the root's descendants.
fn is_init_beside(numbers: &[u32], root: &[u32]) -> bool {
    numbers.len() == root.len() && is_init(numbers)
}

/// Whether the process is PID 1 of the innermost namespace that it is in.
fn is_init(numbers: &[u32]) -> bool {
    numbers.last() == Some(&1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container_process::test_child::TestChild;

    #[test]
    fn init_beside_is_pid_1_of_the_same_namespace_only() {
        let root = [300, 20];
        assert!(is_init_beside(&[290, 1], &root));
        assert!(!is_init_beside(&[310, 21], &root));
        assert!(!is_init_beside(&[320, 22, 1], &root));
        assert!(!is_init_beside(&[], &root));
    }

    #[test]
    fn below_finds_children_of_children_and_those_that_come_later() {
        let mut child = TestChild::start("sh -c 'sleep 600 & wait' & echo ready; read line; sleep 600");
        let mut tree = Tree::below(child.pid(), Container::of_all()).unwrap().unwrap();
        // The inner shell may not have started its child yet.
        while tree.members().len() < 3 {
            tree.grow();
        }
        assert!(tree.grow().is_empty());
        child.say("go");
        let mut later = Vec::new();
        while later.is_empty() {
            later = tree.grow();
        }
        assert_eq!(later.len(), 1);
        tree.signal(tree.members(), Signal::KILL);
        child.wait();
        while !tree.is_gone().unwrap() {}
    }

    #[test]
    fn below_a_session_leader_finds_orphans_of_its_session() {
        let mut child = TestChild::start("sh -c 'sleep 600 &'; echo ready; read line");
        let tree = Tree::below(child.pid(), Container::of_all()).unwrap().unwrap();
        assert_eq!(tree.members().len(), 2);
        tree.signal(tree.members(), Signal::KILL);
        child.wait();
        while !tree.is_gone().unwrap() {}
    }

    #[test]
    fn below_pid_1_of_a_namespace_gives_none() {
        let script = "unshare --user --map-root-user --pid --fork sh -c 'echo ready; read line; exit 4'";
        let mut child = TestChild::start(script);
        let shell = child.pid();
        let container = Container::of_all();
        let tree = Tree::below(shell, container.clone()).unwrap().unwrap();
        let init = tree.members().last().unwrap().pid;
        assert_ne!(init, shell);
        let member = Member::open(init, &container).unwrap().unwrap();
        let numbers = proc_files::status(member.pid()).unwrap().unwrap().numbers;
        assert_eq!(numbers.last(), Some(&1), "{numbers:?}");
        assert!(Tree::below(init, container).unwrap().is_none());
        child.say("go");
        assert_eq!(child.wait().code(), Some(4));
    }

    #[test]
    fn below_never_includes_parents_or_siblings() {
        let mut child = TestChild::start("sleep 600 & sleep 601 & echo $!; echo ready; wait");
        let one: u32 = child.lines()[0].parse().unwrap();
        let tree = Tree::below(one, Container::of_all()).unwrap().unwrap();
        let found: Vec<u32> = tree.members().iter().map(|member| member.pid).collect();
        assert_eq!(found, [one]);
        let tree = Tree::below(child.pid(), Container::of_all()).unwrap().unwrap();
        assert_eq!(tree.members().len(), 3);
        tree.signal(tree.members(), Signal::KILL);
        child.wait();
    }
}
