//! What runs in the containers, seen from inside the machine.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::Machine;

/// The PID 1s of all containers that run, and every marked `sleep`, seen from inside the machine.
#[derive(Debug, Default)]
pub struct Facts {
    pub containers: BTreeMap<String, Pid1Fact>,
    sleeps: Vec<String>,
}

/// One PID 1.
#[derive(Debug, Default)]
pub struct Pid1Fact {
    /// The process's name.
    pub program: String,
    /// The signals that it has a handler for: bit n-1 is signal n.
    pub caught: u64,
    /// Those that it asked the kernel to drop.
    pub ignored: u64,
    /// The names of its children.
    pub children: Vec<String>,
}

/// Prints a line for each container (name, PID 1, program, ignored and caught signals), each process (parent, name), and each
/// `sleep` (its argument). It runs in the machine, where one look costs one command.
const LOOK: &str = r#"
docker ps --quiet | xargs -r docker inspect --format '{{.Name}} {{.State.Pid}}' | while read -r name pid; do
    signals=$(sed -n 's/^Sig\(Ign\|Cgt\):[[:space:]]*//p' "/proc/$pid/status" | tr '\n' ' ')
    program=$(cat "/proc/$pid/comm") || continue
    echo "container ${name#/} $pid $program $signals"
done
for folder in /proc/[0-9]*; do
    read -r line <"$folder/stat" || continue
    name=${line#*(} rest=${line##*) }
    set -- $rest
    echo "process $2 ${name%)*}"
    case $name in sleep*) echo "sleep $(tr '\0' ' ' <"$folder/cmdline")" ;; esac
done 2>/dev/null
"#;

impl Pid1Fact {
    /// Whether it has a handler for the signal.
    pub fn catches(&self, signal: Signal) -> bool {
        has(self.caught, signal)
    }

    /// Whether it asked the kernel to drop the signal.
    pub fn ignores(&self, signal: Signal) -> bool {
        has(self.ignored, signal)
    }

    /// Whether a child of it has this name.
    pub fn has_child(&self, name: &str) -> bool {
        self.children.iter().any(|child| child == name)
    }
}

fn has(mask: u64, signal: Signal) -> bool {
    mask >> (signal.as_raw() - 1) & 1 == 1
}

impl Facts {
    /// Looks.
    pub fn look(machine: &Machine) -> Result<Self> {
        let look = machine
            .pinnace
            .run(["shell", "--no-tty", "--", "sh", "-c", LOOK])
            .quietly();
        Self::parse(&look.text()?).context("the look into the machine")
    }

    /// Whether the marked `sleep` of a container's exec is there.
    pub fn has_exec(&self, name: &str) -> bool {
        self.sleeps_for(&mark(name))
    }

    /// Whether a `sleep` of so many seconds is there.
    pub fn sleeps_for(&self, seconds: &str) -> bool {
        self.sleeps.iter().any(|argument| argument == seconds)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut facts = Self::default();
        let mut children = BTreeMap::<&str, Vec<String>>::new();
        let mut pids = BTreeMap::new();
        for line in text.lines() {
            match line.trim_end().split(' ').collect::<Vec<_>>()[..] {
                ["container", name, pid, program, ignored, caught] => {
                    let signals = |mask| u64::from_str_radix(mask, 16).with_context(|| line.to_owned());
                    let fact = Pid1Fact {
                        program: program.to_owned(),
                        caught: signals(caught)?,
                        ignored: signals(ignored)?,
                        children: Vec::new(),
                    };
                    facts.containers.insert(name.to_owned(), fact);
                    pids.insert(name.to_owned(), pid);
                }
                ["process", parent, name] => children.entry(parent).or_default().push(name.to_owned()),
                ["sleep", _, argument, ..] => facts.sleeps.push(argument.to_owned()),
                _ => {}
            }
        }
        for (name, fact) in &mut facts.containers {
            fact.children = children.get(pids[name]).cloned().unwrap_or_default();
        }
        Ok(facts)
    }
}

/// The argument by which an exec's `sleep` is told from all others.
pub fn mark(name: &str) -> String {
    let number: String = name.chars().filter(char::is_ascii_digit).collect();
    format!("77{number}")
}

#[cfg(test)]
mod tests {
    use super::{super::cell::Pid1, *};

    #[test]
    fn facts_of_a_look_name_each_pid_1_and_its_children() {
        let text = "container m-1 70 sh 0000000000000004 0000000000000002 \nprocess 70 sleep\nsleep sleep 1000 \nprocess 2 kworker/0:1\nsleep sleep 771 \n";
        let facts = Facts::parse(text).unwrap();
        let fact = &facts.containers["m-1"];
        assert!(Pid1::Sh.is(fact) && !Pid1::NodeLike.is(fact));
        assert!(fact.ignores(Signal::QUIT) && !fact.ignores(Signal::INT));
        assert!(facts.has_exec("m-1") && !facts.has_exec("m-2"));
    }
}
