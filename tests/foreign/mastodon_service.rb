# Mastodon's service for LibreTranslate against a server: mastodon_service.rb FILE URL
require 'json'
require 'net/http'

class TranslationService
  class UnexpectedResponseError < StandardError; end
  class TooManyRequestsError < StandardError; end
  class QuotaExceededError < StandardError; end
  Translation = Struct.new(:text, :detected_source_language, :provider, keyword_init: true)
end

class Object
  def presence
    respond_to?(:empty?) && empty? ? nil : self
  end
end

class Array
  def without(*others) = self - others
end

module Oj
  ParseError = JSON::ParserError
  def self.dump(value, *) = JSON.generate(value)
  def self.load(text, *) = JSON.parse(text)
end

# What Mastodon's Request offers: perform yields the response.
class Request
  def initialize(verb, url, body: nil, **)
    @uri = URI(url)
    @request = Net::HTTP.const_get(verb.to_s.capitalize).new(@uri)
    @request.body = body
  end

  def add_headers(headers) = headers.each { |name, value| @request[name.to_s] = value }

  def perform
    found = Net::HTTP.start(@uri.host, @uri.port) { |http| http.request(@request) }
    answer = Struct.new(:code, :body_with_limit).new(found.code.to_i, found.body)
    yield answer
  end
end

file, url = ARGV
load file
Hello = '你好'

def tell(name)
  puts "pass\t#{name}\t#{yield}"
rescue StandardError => e
  puts "fail\t#{name}\t#{e.class}: #{e.message}"
end

[nil, 'a-key'].each do |key|
  service = TranslationService::LibreTranslate.new(url, key)
  tell("a post, #{key ? 'with a key' : 'without a key'}") do
    text = service.translate([Hello], 'zh', 'en').first.text
    raise "it says #{text}" unless text == 'Hello'

    text
  end
  tell("languages, #{key ? 'with a key' : 'without a key'}") { service.languages }
end
