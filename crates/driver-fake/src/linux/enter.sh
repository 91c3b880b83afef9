# Runs as PID 1 of new namespaces with the host's root still in place. Mounts what a VM's kernel and initial RAM disk
# would give, makes the root disk the root, and becomes the guest agent.
#
# Arguments: root disk, empty folder to mount it on, data disk, folder of the lanes' sockets, guest agent, then the
# control group mounts as `controllers:path` (no controllers: v2).
root_disk=$1 root=$2 data_disk=$3 lanes=$4 agent=$5
shift 5

mount -t erofs -o loop,ro,nodev "$root_disk" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"

# Devices: the harmless ones of the host.
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/dev/net"
mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
mount -t mqueue -o nosuid,nodev,noexec mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
for node in null zero full random urandom tty kmsg fuse net/tun; do
    [ -e "/dev/$node" ] || continue
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done

# Control groups, with this machine's group as the root of each hierarchy.
case $1 in
:*) ;;
*) mount -t tmpfs -o nosuid,nodev,noexec,mode=755 tmpfs "$root/sys/fs/cgroup" ;;
esac
for hierarchy in "$@"; do
    controllers=${hierarchy%%:*} path=$root/sys/fs/cgroup${hierarchy#*:}
    if [ -n "$controllers" ]; then
        mkdir "$path"
        mount -t cgroup -o "nosuid,nodev,noexec,$controllers" cgroup "$path"
    else
        mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$path"
        # A group that hands controllers down may hold no process itself.
        mkdir "$path/init"
        echo 1 >"$path/init/cgroup.procs"
        for controller in $(cat "$path/cgroup.controllers"); do
            echo "+$controller" >"$path/cgroup.subtree_control"
        done
    fi
done

mkdir "$root/run/pinnace" "$root/run/pinnace/host" "$root/run/pinnace/lanes" "$root/run/pinnace/state"
mount --bind "$lanes" "$root/run/pinnace/lanes"
mount -o loop "$data_disk" "$root/run/pinnace/state"
: >"$root/run/pinnace/guest-agent"
mount --bind "$agent" "$root/run/pinnace/guest-agent"

cd "$root"
pivot_root . run/pinnace/host
# From here on only the root disk's programs are there.
busybox=/bin/busybox
"$busybox" umount -l /run/pinnace/host
"$busybox" hostname pinnace
"$busybox" ip link set lo up
# A leg to stand on for swarm and for the default route; its other end, veth0, goes nowhere.
"$busybox" ip link add name eth0 type veth
"$busybox" ip addr add 10.0.2.15/24 dev eth0
"$busybox" ip link set veth0 up
"$busybox" ip link set eth0 up
"$busybox" ip route add default via 10.0.2.2
cd /
exec "$busybox" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=linux \
    /run/pinnace/guest-agent process --lanes /run/pinnace/lanes --state /run/pinnace/state
