# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR GPL-2.0
#
# Completion of frameio(8) in bash. Names of interfaces and namespaces are others'
# choice: they are never given to anything that would expand them.

# _frameio_offer CURRENT WORD...: of the words, those that begin like the current one.
_frameio_offer() {
	local current=$1 word
	shift

	for word in "$@"; do
		[[ $word == "$current"* ]] && COMPREPLY+=("$(printf %q "$word")")
	done
}

# _frameio_ports KIND NETNS: the ports of a kind, a pattern, in a network namespace, or in
# this one, into the array "ports".
_frameio_ports() {
	local line name='' options=()

	ports=()
	[[ ! $2 ]] || options=(-n "$2")
	while read -r line; do
		case $line in
		'"name":'*)
			name=${line#'"name":"'}
			name=${name%'",'}
			printf -v name %b "${name//'\"'/'"'}"
			;;
		'"kind":"'*)
			line=${line#'"kind":"'}
			# shellcheck disable=SC2053 # a pattern
			[[ ${line%'",'} != $1 ]] || ports+=("$name")
			;;
		esac
	done < <(frameio "${options[@]}" -j stat 2>/dev/null)
}

# _frameio_interfaces WANTED: the interfaces of this network namespace, or those that are
# Ethernet and no virtual ports, into the array "interfaces".
_frameio_interfaces() {
	local path type

	interfaces=()
	for path in /sys/class/net/*; do
		if [[ $1 == ethernet ]]; then
			[[ ! -d $path/frameio ]] || continue
			type=''
			read -r type 2>/dev/null <"$path/type"
			[[ $type == 1 ]] || continue
		fi
		[[ ! -d $path ]] || interfaces+=("${path##*/}")
	done
}

# _frameio_command WORD: the command that the word is, or is the beginning of, into the
# variable "command".
_frameio_command() {
	local word found=()

	for word in "${commands[@]}"; do
		[[ $word != "$1"* ]] || found+=("$word")
	done
	command=$1
	[[ ${#found[@]} -ne 1 ]] || command=${found[0]}
}

# _frameio_values KEYWORD: what may follow it, into the array "values"; false if any
# word may, and none can be guessed.
_frameio_values() {
	case $1 in
	persist | carrier) values=(on off) ;;
	steer) values=(hash cpu) ;;
	owner) mapfile -t values < <(compgen -u) ;;
	group) mapfile -t values < <(compgen -g) ;;
	queues | numqueues | readlimit | writelimit | readbytes | writebytes | mtu | address | name)
		values=()
		;;
	*) return 1 ;;
	esac
}

_frameio() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local commands=(add attach delete detach help list monitor set show stat tstamp version)
	local command='' netns='' wanted='' word i count=0 ports interfaces values netnses
	local common=(--json --netns --help --version)
	local filters=(none all ptpv1-l4-{event,sync,delay-req} ptpv2-{l4-,l2-,}{event,sync,delay-req}
		ntp-all)

	COMPREPLY=()
	# the words before this one: the command, how many came after it, the namespace;
	# a "=" is a word of its own
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word =~ ^-[hjV]*n(.+)$ ]]; then
			netns=${BASH_REMATCH[1]}
		elif [[ $word == --n* || $word =~ ^-[hjV]*n$ ]]; then
			i=$((i + 1))
			[[ ${COMP_WORDS[i]} != = || $i -eq $COMP_CWORD ]] || i=$((i + 1))
			netns=${COMP_WORDS[i]}
			[[ $i -lt $COMP_CWORD ]] || wanted=netns
		elif [[ $word == --w* || $word =~ ^-[hjV]*w$ ]]; then
			[[ ${COMP_WORDS[i + 1]} != = ]] || i=$((i + 1))
			[[ ! ${COMP_WORDS[i + 1]} =~ ^[0-9.]+$ ]] || i=$((i + 1))
		elif [[ $word == -* ]]; then
			continue
		elif [[ ! $command ]]; then
			_frameio_command "$word"
		elif [[ $count -gt 0 || $word != dev ]]; then
			count=$((count + 1))
		fi
	done

	if [[ $wanted ]]; then
		[[ $current != = ]] || current=''
		netnses=(/run/netns/*)
		[[ -e ${netnses[0]} ]] || netnses=()
		_frameio_offer "$current" "${netnses[@]##*/}"
	elif [[ $i -gt $COMP_CWORD ]]; then
		# an interval
		return
	elif [[ $current == -* ]]; then
		[[ $command != stat ]] || common+=(--watch --prometheus)
		_frameio_offer "$current" "${common[@]}"
	elif [[ ! $command ]]; then
		_frameio_offer "$current" "${commands[@]}"
	elif [[ $count -eq 0 ]]; then
		case $command in
		del* | set)
			_frameio_ports virtual "$netns"
			_frameio_offer "$current" "${ports[@]}"
			;;
		detach)
			_frameio_ports nic "$netns"
			_frameio_offer "$current" "${ports[@]}"
			;;
		list | show | stat)
			_frameio_ports '*' "$netns"
			_frameio_offer "$current" "${ports[@]}"
			;;
		attach | tstamp)
			# of another network namespace, nothing tells them but by entering it
			[[ ! $netns ]] || return
			[[ $command == tstamp ]] || wanted=ethernet
			_frameio_interfaces "$wanted"
			_frameio_offer "$current" "${interfaces[@]}"
			;;
		esac
	elif [[ $command == tstamp ]]; then
		case $previous in
		rx) _frameio_offer "$current" on off "${filters[@]}" ;;
		tx) _frameio_offer "$current" on off onestep-sync onestep-p2p ;;
		*) _frameio_offer "$current" rx tx ;;
		esac
	elif [[ $command == add || $command == set || $command == attach ]]; then
		if [[ $count -gt 1 ]] && _frameio_values "$previous"; then
			_frameio_offer "$current" "${values[@]}"
			return
		fi
		values=(queues readlimit writelimit readbytes writebytes)
		case $command in
		add) values+=(mtu up l2 l3 numqueues owner group address offload) ;;
		set) values+=(mtu up down persist carrier name) ;;
		attach) values+=(steer owner group) ;;
		esac
		_frameio_offer "$current" "${values[@]}"
	fi
}

complete -F _frameio frameio
