#!/bin/sh
# Called once by the postgres image on an empty volume: the owner migrates, the application owns nothing. The role of
# reports gets its login and password by hand (docs/how-to/data-out.md).
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set owner_password="$MOM_OWNER_PASSWORD" --set app_password="$MOM_APP_PASSWORD" <<'SQL'
CREATE ROLE mom_owner LOGIN NOSUPERUSER NOCREATEROLE CREATEDB PASSWORD :'owner_password';
CREATE ROLE mom_app LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB PASSWORD :'app_password';
CREATE ROLE report_ro NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB;
CREATE DATABASE mom OWNER mom_owner ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C.UTF-8';
SQL
