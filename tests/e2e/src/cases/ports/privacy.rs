//! Who can reach a port: this host only, unless somebody asked for more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};

use super::{
    container::{Container, WEB},
    place::{self, ExtraAddress},
    probe,
};
use crate::Machine;

/// Of nobody's network here.
const EXTRA: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 5);

pub fn open_address_is_localhost(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let _web = Container::run(machine, "private", &["-p", &format!("{port}:80")], WEB)?;
    probe::wait_served_locally(machine, port)?;
    probe::assert_open_only_at(&place::localhosts(), port)
}

pub fn written_address_is_bound(machine: &Machine) -> Result<()> {
    let extra = ExtraAddress::add(&machine.home, EXTRA.into())?;
    let four: Vec<IpAddr> = [place::localhosts(), place::other_addresses()]
        .concat()
        .into_iter()
        .filter(IpAddr::is_ipv4)
        .collect();
    let second = IpAddr::from(Ipv4Addr::new(127, 0, 0, 2));
    let mut addresses = vec![
        ("0.0.0.0".to_owned(), four),
        ("127.0.0.1".to_owned(), vec![Ipv4Addr::LOCALHOST.into()]),
        (second.to_string(), vec![second]),
        (extra.ip.to_string(), vec![extra.ip]),
    ];
    if place::localhosts().contains(&Ipv6Addr::LOCALHOST.into()) {
        addresses.push(("[::1]".to_owned(), vec![Ipv6Addr::LOCALHOST.into()]));
    }
    for (written, reachable) in addresses {
        let port = place::free_port()?;
        let container = Container::run(machine, "written", &["-p", &format!("{written}:{port}:80")], WEB)?;
        for ip in &reachable {
            probe::wait_served(machine, *ip, port)?;
        }
        probe::assert_open_only_at(&reachable, port)?;
        let told = probe::forwards_at(machine, port)?;
        ensure!(
            told.len() == 1 && told[0].host == format!("{written}:{port}"),
            "asked for {written}, told {told:?}"
        );
        container.remove()?;
        probe::wait_free(machine, port)?;
    }
    Ok(())
}

pub fn open_on_all(machine: &Machine) -> Result<()> {
    let usual = machine.home.config()?;
    machine
        .home
        .write_config(format!("{usual}[ports]\nopen_on = \"all\"\n"))?;
    let shown = restarted(machine).and_then(|()| open_to_all(machine));
    machine.home.write_config(usual)?;
    let back = restarted(machine);
    shown.and(back)
}

fn restarted(machine: &Machine) -> Result<()> {
    machine.pinnace.quit(machine.driver.patience())?;
    machine.start()
}

fn open_to_all(machine: &Machine) -> Result<()> {
    let port = place::free_port()?;
    let _web = Container::run(machine, "public", &["-p", &format!("{port}:80")], WEB)?;
    let all = [place::localhosts(), place::other_addresses()].concat();
    for ip in &all {
        probe::wait_served(machine, *ip, port)?;
    }
    Ok(())
}
