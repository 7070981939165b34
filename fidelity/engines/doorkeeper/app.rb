# frozen_string_literal: true

# Doorkeeper in the smallest Rails app that it runs in, with the apps of ../../seed.json that are the profile classic's.
# One person is always signed in and agrees, save where the request carries the header X-Consent: she is then asked on
# Doorkeeper's own page. /me is a resource behind a token.
require "rails"
require "active_support/all"
require "action_controller/railtie"
require "action_view/railtie"
require "active_record/railtie"
require "doorkeeper"

ENV["DATABASE_URL"] = "sqlite3:#{ENV.fetch("DATABASE")}?pool=16&timeout=5000"
KEEPS_USED = ENV.fetch("ROTATION", "until-used") == "until-used"
SEED = JSON.parse(File.read(File.expand_path("../../seed.json", __dir__)))

class InteropApp < Rails::Application
  config.root = File.dirname(ENV.fetch("DATABASE"))
  config.load_defaults 7.0
  config.eager_load = true
  config.consider_all_requests_local = false
  config.hosts.clear
  config.secret_key_base = "interop" * 10
  config.logger = Logger.new(IO::NULL)
  config.action_controller.allow_forgery_protection = false
end

Doorkeeper.configure do
  orm :active_record
  resource_owner_authenticator { Person.first }
  admin_authenticator { head :forbidden }
  skip_authorization { request.headers["X-Consent"].nil? }
  use_refresh_token
  access_token_expires_in 7.days
  authorization_code_expires_in 10.minutes
  default_scopes :public
  grant_flows %w[authorization_code client_credentials]
  force_ssl_in_redirect_uri false
end

InteropApp.initialize!

# The app's clock: the machine's, moved by as many seconds as the control API has said.
module Clock
  mattr_accessor :ahead, default: 0

  def now(**) = super + Clock.ahead
end
Time.singleton_class.prepend(Clock)

class Person < ActiveRecord::Base; end

class MeController < ActionController::API
  before_action :doorkeeper_authorize!

  def show
    render json: { id: doorkeeper_token.resource_owner_id, scope: doorkeeper_token.scopes.to_s }
  end
end

# The local Trakt's control API, as far as Doorkeeper has such states; `authorize` is what a browser does anyway.
class ControlController < ActionController::API
  def clock
    Clock.ahead += params[:advance].to_f
    render json: { now: Time.current.to_f }
  end

  def reset
    Clock.ahead = 0
    [Doorkeeper::AccessToken, Doorkeeper::AccessGrant].each(&:delete_all)
    render json: {}
  end

  def expire
    found = kept.find_by!(params[:kind] == "refresh" ? :refresh_token : :token => params[:value])
    found.update_columns(created_at: Time.current - found.expires_in - 1)
    render json: { expired: params[:kind] }
  end

  private

  def kept
    params[:kind] == "code" ? Doorkeeper::AccessGrant : Doorkeeper::AccessToken
  end
end

Rails.application.routes.draw do
  use_doorkeeper
  get "/me", to: "me#show"
  %w[clock reset expire].each { |name| post "/_control/#{name}", to: "control##{name}" }
end

ActiveRecord::Base.connection.execute("PRAGMA journal_mode=WAL")
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:people) { |table| table.string :name }
  create_table :oauth_applications do |table|
    table.string :name, :uid, :secret, null: false
    table.text :redirect_uri, null: false
    table.string :scopes, null: false, default: ""
    table.boolean :confidential, null: false, default: true
    table.timestamps
  end
  create_table :oauth_access_grants do |table|
    table.references :resource_owner, :application, null: false
    table.string :token, null: false, index: { unique: true }
    table.integer :expires_in, null: false
    table.text :redirect_uri, null: false
    table.string :scopes, null: false, default: ""
    table.string :code_challenge, :code_challenge_method
    table.datetime :created_at, null: false
    table.datetime :revoked_at
  end
  create_table :oauth_access_tokens do |table|
    table.references :resource_owner
    table.references :application, null: false
    table.string :token, null: false, index: { unique: true }
    table.string :refresh_token, index: { unique: true }
    table.string :previous_refresh_token, null: false, default: "" if KEEPS_USED
    table.integer :expires_in
    table.string :scopes
    table.datetime :created_at, null: false
    table.datetime :revoked_at
  end
end
[Person, Doorkeeper::Application, Doorkeeper::AccessGrant, Doorkeeper::AccessToken].each(&:reset_column_information)
Person.create!(name: "sean")
SEED["apps"].select { |app| %w[A B C].include?(app["name"]) }.each do |app|
  Doorkeeper::Application.create!(
    name: app["name"], uid: app["client_id"], secret: app["client_secret"],
    redirect_uri: app["redirect_uris"].join("\n"), confidential: app["confidential"]
  )
end
