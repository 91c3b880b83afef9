# Joins the control groups that are given before `--`, then runs the program that follows it.
while [ "$1" != "--" ]; do
    echo "$$" >"$1/cgroup.procs"
    shift
done
shift
exec "$@"
