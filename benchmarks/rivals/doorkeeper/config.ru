# frozen_string_literal: true

# Doorkeeper alone in a Rails application: the token endpoint, refresh tokens that are used once, SQLite with WAL.
# DATABASE names the file, TOKENS the file that gets refresh tokens to begin with.

require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "doorkeeper"
require "json"

ENV["DATABASE_URL"] = "sqlite3:#{ENV.fetch("DATABASE")}?pool=16&timeout=10000"

class Bench < Rails::Application
  config.load_defaults 7.1
  config.eager_load = true
  config.secret_key_base = "x" * 64
  config.logger = Logger.new(nil)
  config.log_level = :fatal
  config.hosts.clear
  config.consider_all_requests_local = false
  config.api_only = true
  config.middleware.delete ActionDispatch::RequestId
  config.middleware.delete Rails::Rack::Logger
end

Doorkeeper.configure do
  orm :active_record
  resource_owner_authenticator { nil }
  use_refresh_token
  api_only
  default_scopes :public
  access_token_expires_in 86_400
end

Bench.initialize!
ActiveRecord::Base.connection.execute("PRAGMA journal_mode = WAL") # with it goes Rails's own synchronous = NORMAL
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :oauth_applications do |t|
    t.string :name, null: false
    t.string :uid, null: false, index: { unique: true }
    t.string :secret, null: false
    t.text :redirect_uri, null: false
    t.string :scopes, null: false, default: ""
    t.boolean :confidential, null: false, default: true
    t.timestamps
  end
  create_table :oauth_access_grants do |t|
    t.bigint :resource_owner_id, null: false
    t.bigint :application_id, null: false
    t.string :token, null: false, index: { unique: true }
    t.integer :expires_in, null: false
    t.text :redirect_uri, null: false
    t.string :scopes, null: false, default: ""
    t.datetime :created_at, null: false
    t.datetime :revoked_at
  end
  create_table :oauth_access_tokens do |t|
    t.bigint :resource_owner_id, index: true
    t.bigint :application_id, null: false, index: true
    t.string :token, null: false, index: { unique: true }
    t.string :refresh_token, index: { unique: true }
    t.integer :expires_in
    t.string :scopes
    t.datetime :created_at, null: false
    t.datetime :revoked_at
  end
end

Rails.application.routes.draw { use_doorkeeper { skip_controllers :authorizations, :applications, :authorized_applications } }

app = Doorkeeper::Application.create!(
  name: "Couch", uid: "c" * 64, secret: "s" * 64, redirect_uri: "https://couch.example/callback", scopes: "public"
)
tokens = Array.new(64) do |owner|
  Doorkeeper::AccessToken.create!(
    application: app, resource_owner_id: owner + 1, scopes: "public", expires_in: 86_400, use_refresh_token: true
  ).refresh_token
end
File.write(ENV.fetch("TOKENS"), JSON.dump(tokens))
run Bench
