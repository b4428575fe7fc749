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

# The ports of a network namespace, or of this one, into the array "ports".
_frameio_ports() {
	local path line

	ports=()
	if [[ ! $1 ]]; then
		for path in /sys/class/net/*/frameio; do
			[[ -d $path ]] || continue
			path=${path%/frameio}
			ports+=("${path##*/}")
		done
		return
	fi
	while read -r line; do
		[[ $line == '"name":'* ]] || continue
		line=${line#'"name":"'}
		line=${line%'",'}
		printf -v line %b "${line//'\"'/'"'}"
		ports+=("$line")
	done < <(frameio -n "$1" -j stat 2>/dev/null)
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
	local commands=(add delete help list monitor set show stat version)
	local command='' netns='' wanted='' word i count=0 ports values netnses
	local common=(--json --netns --help --version)

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
		del* | list | set | show | stat)
			_frameio_ports "$netns"
			_frameio_offer "$current" "${ports[@]}"
			;;
		esac
	elif [[ $command == add || $command == set ]]; then
		if [[ $count -gt 1 ]] && _frameio_values "$previous"; then
			_frameio_offer "$current" "${values[@]}"
			return
		fi
		values=(queues readlimit writelimit readbytes writebytes mtu up)
		if [[ $command == add ]]; then
			values+=(l2 l3 numqueues owner group address)
		else
			values+=(down persist carrier name)
		fi
		_frameio_offer "$current" "${values[@]}"
	fi
}

complete -F _frameio frameio
