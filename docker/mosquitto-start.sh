#!/bin/sh
# Called by docker-compose.yml: the password file is made from MQTT_PASSWORD at every start, then the broker runs.
set -eu
umask 077
mosquitto_passwd -b -c /mosquitto/data/users mom "$MQTT_PASSWORD"
chown mosquitto:mosquitto /mosquitto/data/users
exec mosquitto -c /mosquitto/config/mosquitto.conf
